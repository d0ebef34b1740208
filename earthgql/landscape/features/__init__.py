"""What the ground shows: forest, water, farms, roads and houses, mines."""
