"""Tiles as files: GeoJSON, CSV or GeoParquet, streamed while they are read."""
