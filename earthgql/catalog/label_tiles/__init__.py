"""Labels as vector tiles for maps: the visible tiles below a map's tile, single or as sums."""
