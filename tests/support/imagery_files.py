"""Rasters, pictures, pyramids and MBTiles that tests write for themselves."""

import io
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from PIL import Image

from earthgql.imagery.grid import TileIndex, flip_y


def write_raster(
    path: Path,
    values: np.ndarray,
    *,
    crs: str = "EPSG:4326",
    west: float = 10.0,
    north: float = 50.0,
    pixel: float = 1e-4,
    rotation: float = 0.0,
    mask: np.ndarray | None = None,
    tags: Mapping[str, str] | None = None,
    colormap: Mapping[int, tuple[int, ...]] | None = None,
    **profile: object,
) -> Path:
    """Write values [bands, height, width] as a GeoTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    transform = (
        Affine.translation(west, north) @ Affine.rotation(rotation) @ Affine.scale(pixel, -pixel)
    )
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=values.shape[0],
        height=values.shape[1],
        width=values.shape[2],
        dtype=values.dtype,
        crs=crs,
        transform=transform,
        **profile,
    ) as dataset:
        dataset.write(values)
        if mask is not None:
            dataset.write_mask(mask)
        if colormap is not None:
            dataset.write_colormap(1, colormap)
        if tags:
            dataset.update_tags(**tags)
    return path


def noise(bands: int = 3, height: int = 512, width: int = 512, dtype: str = "uint8") -> np.ndarray:
    """Values from 1 up, so that 0 can mean no data."""
    top = 255 if dtype == "uint8" else 4000
    return np.random.default_rng(7).integers(1, top, (bands, height, width)).astype(dtype)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Encode a picture."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(colour: tuple[int, ...] | int = (200, 100, 50), mode: str = "RGB") -> Image.Image:
    """Make a 256 x 256 picture of one colour."""
    return Image.new(mode, (256, 256), colour)


def write_pyramid(
    folder: Path, tiles: Iterable[TileIndex], *, tms: bool = False, suffix: str = "png"
) -> Path:
    """Write z/x/y pictures whose colour tells which tile they are of."""
    for tile in tiles:
        stored = flip_y(tile) if tms else tile
        path = folder / str(tile.z) / str(tile.x) / f"{stored.y}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(plain(tile_colour(tile))))
    return folder


def tile_colour(tile: TileIndex) -> tuple[int, int, int]:
    """Return a colour of a tile's own."""
    return (tile.x * 7 % 256, tile.y * 11 % 256, tile.z * 13 % 256)


def write_mbtiles(path: Path, tiles: Iterable[TileIndex], **metadata: str) -> Path:
    """Write an MBTiles file."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE metadata (name text, value text)")
        connection.execute(
            "CREATE TABLE tiles (zoom_level int, tile_column int, tile_row int, tile_data blob)"
        )
        connection.executemany("INSERT INTO metadata VALUES (?, ?)", metadata.items())
        for tile in tiles:
            stored = flip_y(tile)
            picture = encoded(plain(tile_colour(tile)))
            connection.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", (*stored, picture))
    return path
