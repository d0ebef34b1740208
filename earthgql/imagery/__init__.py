"""The tile grid, and reading the pixels of tiles: rasters, pyramids of pictures, MBTiles."""
