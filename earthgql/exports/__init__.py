"""Tiles of a viewport as files: GeoJSON, CSV, GeoParquet, written as they are read."""
