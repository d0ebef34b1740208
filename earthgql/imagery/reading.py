"""Reads the pixels of a tile from a raster, a pyramid of pictures, or an MBTiles file."""

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.source import Pixels, TileSource


def read_tile(source: TileSource) -> Pixels:
    """Return the pixels of a tile, ``uint8 [256, 256, 3]`` RGB, north up; invalid ones are 0.

    The module of each kind is imported when its first tile is read: GDAL, for one, takes seconds.

    Raises:
        ImageUnreadableError: if the picture is missing, damaged, too large, outside the root
            registered at ingest, or of a format not allowed.
    """
    if source.kind == "raster":
        from earthgql.imagery.raster.tile import read_raster_tile

        return read_raster_tile(source.root, source.uri, source.index, source.rendering)
    if source.kind == "pyramid":
        from earthgql.imagery.pictures import part_of_picture, read_picture

        _, part = part_of_picture(source.index, source.rendering.get("tiles_across", 1))
        return read_picture(source.root, source.uri, source.path, part)
    if source.kind == "mbtiles":
        from earthgql.imagery.mbtiles import read_mbtiles_tile

        return read_mbtiles_tile(source.root, source.uri, source.index, source.rendering)
    raise ImageUnreadableError(f"tiles of kind {source.kind!r} cannot be read")
