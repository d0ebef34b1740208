"""Pyramids, tables and MBTiles of unusual kinds: what is stored, and the pixels that are read."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from sqlalchemy import Engine, text
from support.imagery_files import (
    encoded,
    noise,
    plain,
    tile_colour,
    write_mbtiles,
    write_pyramid,
    write_raster,
)

from earthgql.catalog.tiles.lookup import sources_by_ids
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex, flip_y
from earthgql.imagery.reading import read_tile
from earthgql.imagery.source import Pixels
from earthgql.ingest.mbtiles_source import MBTilesSource
from earthgql.ingest.picture_folder import PictureFolder
from earthgql.ingest.picture_table import PictureTable
from earthgql.ingest.pyramid_source import PyramidSource
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource
from earthgql.ingest.scene_source import SceneMetadata, SceneSource
from earthgql.ingest.store import store

CELLS = [TileIndex(5, x, y) for x in range(3, 6) for y in range(8, 10)]


def folder(path: Path, scheme: str | None = None, size: int | None = None) -> PyramidSource:
    return PyramidSource("s", str(path), scheme, PictureFolder(path), SceneMetadata(), size)


def mbtiles(path: Path, scheme: str | None = None, *, sha256: bool = False) -> MBTilesSource:
    return MBTilesSource("s", str(path), str(path.parent), SceneMetadata(), sha256, scheme)


def stored(engine: Engine) -> dict[TileIndex, Pixels]:
    """Return the pixels of all tiles, whose footprints are looked at, too."""
    with engine.connect() as conn:
        rows = conn.execute(
            text(
                "SELECT id, z, x, y, ST_XMin(footprint), ST_YMin(footprint), ST_XMax(footprint), "
                "ST_YMax(footprint) FROM tile ORDER BY id"
            )
        ).all()
        sources = sources_by_ids(conn, [row.id for row in rows])
    for _, z, x, y, *edges in rows:
        assert edges == pytest.approx(grid.tile_bounds(TileIndex(z, x, y)))
    return {TileIndex(z, x, y): read_tile(sources[i]) for i, z, x, y, *_ in rows}


def quarters(cell: TileIndex) -> dict[TileIndex, tuple[int, int, int]]:
    """Return the four tiles of a cell, each with a colour of its own."""
    parts = [
        TileIndex(cell.z + 1, cell.x * 2 + column, cell.y * 2 + row)
        for row in (0, 1)
        for column in (0, 1)
    ]
    return {part: tile_colour(part) for part in parts}


def large_picture(cell: TileIndex) -> bytes:
    """Encode 512 x 512 pixels: north-west, north-east, south-west, south-east."""
    nw, ne, sw, se = (np.full((256, 256, 3), c, np.uint8) for c in quarters(cell).values())
    return encoded(Image.fromarray(np.block([[[nw], [ne]], [[sw], [se]]])))


def check_quarters(engine: Engine) -> None:
    found = stored(engine)
    wanted = {part: colour for cell in CELLS for part, colour in quarters(cell).items()}
    assert set(found) == set(wanted)
    for part, colour in wanted.items():
        assert (found[part] == colour).all()


@pytest.mark.parametrize("scheme", ["xyz", "tms"])
@pytest.mark.parametrize("suffix", [".png", "@2x.png"])
def test_pictures_of_512_pixels_in_a_folder(
    fresh_engine: Engine, tmp_path: Path, scheme: str, suffix: str
) -> None:
    for cell in CELLS:
        row = flip_y(cell).y if scheme == "tms" else cell.y
        path = tmp_path / "5" / str(cell.x) / f"{row}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(large_picture(cell))
    result = store(fresh_engine, folder(tmp_path, scheme))
    assert (result.tiles, result.zooms) == (4 * len(CELLS), (6,))
    check_quarters(fresh_engine)
    assert store(fresh_engine, folder(tmp_path, scheme)).status == "unchanged"
    assert store(fresh_engine, folder(tmp_path, scheme, 256)).status == "changed"
    shrunk = stored(fresh_engine)
    assert set(shrunk) == set(CELLS)
    assert [shrunk[CELLS[0]][9, 9].tolist()] == [list(tile_colour(next(iter(quarters(CELLS[0])))))]


def test_pictures_of_512_pixels_in_a_table(fresh_engine: Engine, tmp_path: Path) -> None:
    lines = ["z_coord;x_coord;y_coord;path"]
    for i, cell in enumerate(CELLS):
        (tmp_path / f"{i}.png").write_bytes(large_picture(cell))
        lines.append(f"{cell.z};{cell.x};{flip_y(cell).y};{i}.png")
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-16")
    table = PictureTable(tmp_path / "t.csv", tmp_path)
    source = PyramidSource("s", str(tmp_path), None, table, SceneMetadata())
    assert store(fresh_engine, source).tiles == 4 * len(CELLS)
    check_quarters(fresh_engine)


@pytest.mark.parametrize("scheme", ["xyz", "tms"])
def test_pictures_of_512_pixels_in_mbtiles(
    fresh_engine: Engine, tmp_path: Path, scheme: str
) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS, scheme=scheme)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM tiles")
        for cell in CELLS:
            row = cell if scheme == "xyz" else flip_y(cell)
            values = (*row, large_picture(cell))
            connection.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", values)
    assert store(fresh_engine, mbtiles(path)).zooms == (6,)
    check_quarters(fresh_engine)
    assert store(fresh_engine, mbtiles(path)).status == "unchanged"


def test_another_scheme_makes_the_tiles_anew(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    store(fresh_engine, mbtiles(path))
    assert store(fresh_engine, mbtiles(path, "tms")).status == "unchanged"
    assert store(fresh_engine, mbtiles(path, "xyz")).status == "changed"
    found = stored(fresh_engine)
    assert {flip_y(tile): pixels[0, 0].tolist() for tile, pixels in found.items()} == {
        cell: list(tile_colour(cell)) for cell in CELLS
    }


def test_duplicate_rows_and_no_attribution(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO metadata VALUES ('attribution', NULL)")
        for cell in CELLS:
            values = (*flip_y(cell), encoded(plain()))
            connection.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", values)
    assert store(fresh_engine, mbtiles(path)).tiles == len(CELLS)
    assert {cell: pixels[0, 0].tolist() for cell, pixels in stored(fresh_engine).items()} == {
        cell: list(tile_colour(cell)) for cell in CELLS
    }
    with fresh_engine.connect() as conn:
        assert conn.scalar(text("SELECT attribution FROM scene")) is None


def test_turned_pictures_of_a_pyramid_are_read_upright(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    picture = np.full((256, 256, 3), 30, np.uint8)
    picture[:64] = 220  # in the north
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned clockwise
    for x, (kind, suffix) in enumerate((("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"))):
        (tmp_path / "3" / str(x)).mkdir(parents=True)
        turned = Image.fromarray(picture).transpose(Image.Transpose.ROTATE_90)
        content = encoded(turned, kind, exif=exif, quality=95)
        (tmp_path / "3" / str(x) / f"2.{suffix}").write_bytes(content)
    store(fresh_engine, folder(tmp_path))
    found = stored(fresh_engine)
    assert len(found) == 3
    for pixels in found.values():
        assert np.abs(pixels.astype(int) - picture).max() < 12


def raster(path: Path, name: str = "s", *, sha256: bool = False) -> RasterSource:
    return RasterSource(name, str(path), str(path.parent), RasterOptions(sha256=sha256))


@pytest.mark.parametrize("kind", ["raster", "mbtiles"])
def test_sha256_given_later_ingests_nothing_anew(
    fresh_engine: Engine, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "a"
    if kind == "raster":
        write_raster(path, noise())
    else:
        write_mbtiles(path, CELLS)

    def status(*, sha256: bool) -> str:
        make = raster if kind == "raster" else mbtiles
        source: SceneSource = make(path, sha256=sha256)
        return store(fresh_engine, source).status

    assert status(sha256=False) == "new"
    before = set(stored(fresh_engine))
    assert status(sha256=True) == "unchanged"
    path.touch()
    assert status(sha256=True) == "unchanged", "the content is known by now"
    assert set(stored(fresh_engine)) == before
    assert status(sha256=False) == "changed"
    path.touch()
    assert status(sha256=True) == "changed", "the content was not known"


def test_other_scenes_of_the_same_file_are_told(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise())
    assert store(fresh_engine, raster(path)).same_file == ()
    assert store(fresh_engine, raster(path, "again")).same_file == ("s",)
    assert store(fresh_engine, raster(path, "again")).status == "unchanged"
    pyramid = write_pyramid(tmp_path / "p", CELLS)
    for name in ("one", "two"):
        source = PyramidSource(name, str(pyramid), None, PictureFolder(pyramid), SceneMetadata())
        assert store(fresh_engine, source).same_file == ()
