import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from PIL import Image
from support.imagery_files import encoded, noise, plain, write_mbtiles

from earthgql.errors import EarthGQLError
from earthgql.imagery.grid import HALF_WORLD_M, TileIndex, flip_y, tile_bounds
from earthgql.imagery.reading import read_tile
from earthgql.imagery.source import TileSource
from earthgql.ingest.mbtiles_source import MBTilesSource
from earthgql.ingest.scene_source import SceneMetadata
from earthgql.ingest.store import dry_run

CELLS = [TileIndex(5, x, 9) for x in range(6)]


def source(path: Path, scheme: str | None = None, size: int | None = None) -> MBTilesSource:
    about = SceneMetadata()
    return MBTilesSource("m", str(path), str(path.parent), about, False, scheme, size)


@contextmanager
def changed(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


def tiles(mbtiles: MBTilesSource) -> list[TileIndex]:
    mbtiles.metadata()
    return [
        TileIndex(*index)
        for chunk in mbtiles.chunks()
        for index in zip(chunk.zoom.tolist(), chunk.x.tolist(), chunk.y.tolist(), strict=True)
    ]


def set_blobs(path: Path, blob: bytes) -> None:
    with changed(path) as connection:
        connection.execute("UPDATE tiles SET tile_data = ?", (blob,))


def set_metadata(path: Path, **rows: object) -> None:
    with changed(path) as connection:
        connection.executemany("INSERT INTO metadata VALUES (?, ?)", rows.items())


@pytest.mark.parametrize("kind", ["png", "", None, "false", "image/vnd.jpeg-png", 0])
def test_the_tiles_tell_what_they_are_not_the_format(tmp_path: Path, kind: object) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    set_metadata(path, format=kind)
    assert tiles(source(path)) == CELLS


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (gzip.compress(b"\x1a\x10\x0a\x05water"), "gzipped data, as vector tiles are"),
        (gzip.compress(encoded(plain())), "gzipped data"),
        (b"\x1a\x10\x0a\x05water", r"vector tiles \(pbf\)"),
        (b"\x78\x9c\x01", "zlib"),
        (b'{"grid": []}', "JSON"),
        (b"", "it is empty"),
        (encoded(plain(), "GIF"), "GIF"),
        (encoded(plain(), "TIFF"), "TIFF"),
        (encoded(plain())[:100], "damaged"),
    ],
)
@pytest.mark.parametrize("kind", [None, "png"])
def test_files_of_other_tiles_are_refused(
    tmp_path: Path, blob: bytes, said: str, kind: str | None
) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    set_metadata(path, format=kind)
    set_blobs(path, blob)
    with pytest.raises(EarthGQLError, match=rf"all pictures are unreadable: m\.mbtiles.*{said}"):
        dry_run(source(path))


@pytest.mark.parametrize("kind", ["pbf", "mvt", "PBF", "application/x-protobuf"])
def test_vectors_are_refused_by_their_format(tmp_path: Path, kind: str) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS, format=kind)
    with pytest.raises(EarthGQLError, match=rf"m\.mbtiles: its tiles are '{kind}' \(vectors\)"):
        dry_run(source(path))


@pytest.mark.parametrize(
    ("rows", "attribution"),
    [({"attribution": None}, None), ({"attribution": " "}, None), ({"attribution": b"me"}, "me")],
)
def test_no_attribution_is_none(
    tmp_path: Path, rows: dict[str, object], attribution: str | None
) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    set_metadata(path, **rows)
    assert source(path).metadata().attribution == attribution


def test_a_date_that_is_none_is_passed_over(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS, acquired_at="last May")
    mbtiles = source(path)
    assert dry_run(mbtiles).tiles == len(CELLS)
    assert mbtiles.metadata().acquired_at is None
    assert any("acquired_at" in note and "'last May'" in note for note in mbtiles.notes())


@pytest.mark.parametrize("persist", [False, True])
def test_files_that_are_being_written_are_refused(tmp_path: Path, persist: bool) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS[:1])
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        for cell in CELLS[1:]:
            row = (*flip_y(cell), encoded(plain()))
            writer.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", row)
        writer.commit()
        with pytest.raises(EarthGQLError, match=r"m\.mbtiles is being written to: .*wal_checkp"):
            dry_run(source(path))
        if persist:
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert tiles(source(path)) == CELLS
    assert list(tmp_path.iterdir()) == [path]
    assert tiles(source(path)) == CELLS


def test_a_transaction_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    (tmp_path / "m.mbtiles-journal").write_bytes(bytes(512))
    assert tiles(source(path)) == CELLS, "a header of zeros: it is over"
    (tmp_path / "m.mbtiles-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504))
    with pytest.raises(EarthGQLError, match=r"is being written to: m\.mbtiles-journal"):
        dry_run(source(path))


def test_rows_that_are_there_twice_count_once(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS * 2)
    mbtiles = source(path)
    assert dry_run(mbtiles).tiles == len(CELLS)
    assert mbtiles.notes() == (
        "warning: 6 rows are of tiles that have one already, the first is taken",
    )


@pytest.mark.parametrize(
    ("zoom", "said"),
    [
        (6.5, "not integers: zoom_level 6.5, tile_column 0, tile_row 0"),
        (None, "not integers: zoom_level None"),
        ("six", "not integers: zoom_level 'six'"),
        (25, "zoom_level 25, tile_column 0, tile_row 0 is not in the grid"),
        (-1, "zoom_level -1, tile_column 0, tile_row 0 is not in the grid"),
    ],
)
def test_numbers_that_are_none_of_a_tile_are_named(tmp_path: Path, zoom: object, said: str) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    with changed(path) as connection:
        row = (zoom, 0, 0, encoded(plain()))
        connection.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", row)
    with pytest.raises(EarthGQLError, match=rf"m\.mbtiles: .*{said}"):
        dry_run(source(path))


def bounds_of(cells: list[TileIndex]) -> str:
    edges = [tile_bounds(cell) for cell in cells]
    west, south = min(e.west for e in edges), min(e.south for e in edges)
    return f"{west},{south},{max(e.east for e in edges)},{max(e.north for e in edges)}"


OTHER = [flip_y(cell) for cell in CELLS]


@pytest.mark.parametrize(
    ("scheme_row", "bounds", "chosen", "found", "note"),
    [
        (None, None, None, CELLS, None),
        ("tms", None, None, CELLS, None),
        ("xyz", None, None, OTHER, "rows count from the north, for its metadata says scheme xyz"),
        ("xyz", None, "tms", CELLS, "--scheme tms stands, though its metadata says xyz"),
        (None, None, "xyz", OTHER, None),
        ("xyz", bounds_of(CELLS), None, CELLS, "rows count from the south, though its metadata"),
        ("xyz", bounds_of(OTHER), None, OTHER, "rows count from the north, for its metadata says"),
        ("xyz", "-180,-90,180,90", None, OTHER, "rows count from the north, for its metadata"),
        (None, bounds_of(CELLS), None, CELLS, None),
        (None, bounds_of(OTHER), None, CELLS, "warning: its tiles lie outside the bounds of its"),
        (None, "nowhere", None, CELLS, None),
    ],
)
def test_rows_count_from_where_the_file_says(
    tmp_path: Path,
    *,
    scheme_row: str | None,
    bounds: str | None,
    chosen: str | None,
    found: list[TileIndex],
    note: str | None,
) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    set_metadata(path, scheme=scheme_row, bounds=bounds)
    mbtiles = source(path, chosen)
    assert sorted(tiles(mbtiles)) == sorted(found)
    assert [n[: len(note or "")] for n in mbtiles.notes()] == ([note] if note else [])


@pytest.mark.parametrize(("size", "count", "zoom"), [(None, 24, 6), (256, 6, 5)])
def test_tiles_of_512_pixels_are_four(
    tmp_path: Path, size: int | None, count: int, zoom: int
) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    set_blobs(path, encoded(Image.new("RGB", (512, 512)), "JPEG"))
    mbtiles = source(path, size=size)
    found = tiles(mbtiles)
    assert len(set(found)) == len(found) == count
    assert {TileIndex(5, x >> zoom - 5, y >> zoom - 5) for _, x, y in found} == set(CELLS)
    assert {tile.z for tile in found} == {zoom}
    assert any("512 x 512" in note for note in mbtiles.notes())


def test_a_view_that_takes_too_long_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    with changed(path) as connection:
        connection.execute("ALTER TABLE tiles RENAME TO images")
        connection.execute(
            "CREATE VIEW tiles AS SELECT i.* FROM images i, (WITH RECURSIVE n(x) AS "
            "(SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 50000000) SELECT max(x) FROM n)"
        )
    with pytest.raises(EarthGQLError, match=r"m\.mbtiles: looking up a tile .*an index on"):
        dry_run(source(path))


def test_large_files_without_an_index_are_told(tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    set_blobs(path, encoded(plain()) + bytes(1 << 20))
    slow = source(path)
    assert dry_run(slow).tiles == 6
    assert any("lacks an index" in note for note in slow.notes())
    with changed(path) as connection:
        connection.execute("CREATE INDEX i ON tiles (zoom_level, tile_column, tile_row)")
    indexed = source(path)
    assert dry_run(indexed).tiles == 6
    assert indexed.notes() == ()


@pytest.mark.parametrize("side", [256, 512])
def test_files_that_gdal_writes_have_the_pixels_that_gdal_reads(tmp_path: Path, side: int) -> None:
    middle = 2**11 * 256  # of the grid at zoom 12, in pixels
    pixel = HALF_WORLD_M / middle
    place = Affine(pixel, 0, 1500 * pixel, 0, -pixel, 6000 * pixel)
    shape = {"width": 600, "height": 700, "count": 3, "dtype": "uint8"}
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", crs="EPSG:3857", transform=place, **shape
    ) as dataset:
        dataset.write(noise(3, 700, 600))
    path = tmp_path / "m.mbtiles"
    rasterio.shutil.copy(
        tmp_path / "a.tif", path, driver="MBTiles", TILE_FORMAT="PNG", BLOCKSIZE=side
    )
    mbtiles = source(path)
    rendering = mbtiles.metadata().rendering
    found = tiles(mbtiles)
    assert {tile.z for tile in found} == {12}
    with rasterio.open(path) as dataset:
        values = np.pad(dataset.read(), ((0, 0), (512, 512), (512, 512)))
    for tile in found:
        where = TileSource("mbtiles", str(path), str(tmp_path), None, tile, rendering)
        left, top = tile.x * 256 - middle - 1500 + 512, tile.y * 256 - middle + 6000 + 512
        wanted = values[:, top : top + 256, left : left + 256]
        shown = np.where(wanted[3] > 0, wanted[:3], 0).transpose(1, 2, 0)
        assert np.array_equal(read_tile(where), shown)
