"""All queries over scenes, tiles, models and scores."""
