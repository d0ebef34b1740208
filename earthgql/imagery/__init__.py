"""The tile grid, and the pixels of tiles."""
