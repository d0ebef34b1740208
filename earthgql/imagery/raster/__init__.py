"""Tiles of georeferenced rasters: GeoTIFF, COG and JPEG 2000 files."""
