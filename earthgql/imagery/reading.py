"""Reads the pixels of a tile from a raster, a pyramid of pictures, or an MBTiles file."""

from collections.abc import Callable

from earthgql.errors import ImageUnreadableError
from earthgql.imagery.grid import TILE_PIXELS
from earthgql.imagery.source import MaskedPixels, Pixels, TileSource


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


def read_masked_tile(source: TileSource, allow: Callable[[float], bool]) -> MaskedPixels | None:
    """Return the pixels of a tile, and which of them hold data.

    Args:
        source: of the tile; of a raster, a tile of any zoom.
        allow: is called with the number of pixels that have to be decoded.

    Returns:
        None if ``allow`` says False: then nothing is decoded.

    Raises:
        ImageUnreadableError: as ``read_tile``.
    """
    if source.kind == "raster":
        from earthgql.imagery.raster.tile import read_masked_raster_tile

        return read_masked_raster_tile(
            source.root, source.uri, source.index, source.rendering, allow
        )
    tiles_across = source.rendering.get("tiles_across", 1)
    if not allow((TILE_PIXELS * tiles_across) ** 2):
        return None
    if source.kind == "pyramid":
        from earthgql.imagery.pictures import part_of_picture, read_masked_picture

        _, part = part_of_picture(source.index, tiles_across)
        return read_masked_picture(source.root, source.uri, source.path, part)
    if source.kind == "mbtiles":
        from earthgql.imagery.mbtiles import read_masked_mbtiles_tile

        return read_masked_mbtiles_tile(source.root, source.uri, source.index, source.rendering)
    raise ImageUnreadableError(f"tiles of kind {source.kind!r} cannot be read")
