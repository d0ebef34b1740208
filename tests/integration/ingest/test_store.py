import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from support.imagery_files import noise, tile_colour, write_mbtiles, write_pyramid, write_raster

from earthgql.catalog.scenes import delete_scene, list_scenes, scene_by_name, tile_counts
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import sources_by_ids, tiles_in_bounds
from earthgql.errors import EarthGQLError, IngestError, NotFoundError
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex, flip_y
from earthgql.imagery.reading import read_tile
from earthgql.ingest.mbtiles_source import MBTilesSource
from earthgql.ingest.picture_folder import PictureFolder
from earthgql.ingest.picture_table import PictureTable
from earthgql.ingest.pyramid_source import PyramidSource
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource
from earthgql.ingest.scene_source import SceneMetadata
from earthgql.ingest.store import dry_run, store

WORLD = grid.bounds(-180, -90, 180, 90)
CELLS = [TileIndex(5, x, y) for x in range(3, 7) for y in range(8, 11)]


def raster(path: Path, **options: object) -> RasterSource:
    return RasterSource(path.stem, str(path), str(path.parent), RasterOptions(**options))  # type: ignore[arg-type]


def pyramid(folder: Path, scheme: str = "xyz", **about: object) -> PyramidSource:
    facts = SceneMetadata(**about)  # type: ignore[arg-type]
    return PyramidSource(folder.name, str(folder), scheme, PictureFolder(folder), facts)


def table(csv: Path, root: Path, scheme: str = "tms") -> PyramidSource:
    return PyramidSource(csv.stem, str(root), scheme, PictureTable(csv, root), SceneMetadata())


def cells(engine: Engine, scene: str) -> dict[TileIndex, int]:
    with engine.connect() as conn:
        return {
            TileIndex(z, x, y): tile_id
            for tile_id, z, x, y in conn.execute(
                text(
                    "SELECT t.id, z, x, y FROM tile t JOIN scene s ON s.id = scene_id "
                    "WHERE name = :name"
                ),
                {"name": scene},
            )
        }


def score_all(engine: Engine) -> None:
    """Store a score for every tile."""
    with engine.begin() as conn:
        conn.execute(
            text(
                "INSERT INTO model (name, version, labels, thresholds, sha256) "
                "VALUES ('m', '1', '{a}', '{0.5}', 'x')"
            )
        )
        conn.execute(
            text(
                "INSERT INTO tile_score (tile_id, model_id, scores) SELECT t.id, m.id, '{0.7}' "
                "FROM tile t, model m"
            )
        )


def scored(engine: Engine) -> set[int]:
    with engine.connect() as conn:
        return set(conn.scalars(text("SELECT tile_id FROM tile_score")))


def snapshot(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT s.*, t.* FROM scene s JOIN tile t ON t.scene_id = s.id"))
        return sorted(map(tuple, rows), key=repr)


def test_a_raster_becomes_a_scene_whose_tiles_can_be_read(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    path = write_raster(tmp_path / "field.tif", noise(3, 900, 900))
    moment = datetime(2020, 5, 18, tzinfo=UTC)
    outcome = store(fresh_engine, raster(path, acquired_at=moment, attribution="me"))
    assert outcome.status == "new"
    with fresh_engine.connect() as conn:
        scene = scene_by_name(conn, "field")
        assert scene is not None
        assert tile_counts(conn, [scene.id, 99]) == {scene.id: outcome.tiles, 99: 0}
        assert (scene.kind, scene.uri, scene.root) == ("raster", str(path), str(tmp_path))
        assert (scene.acquired_at, scene.attribution) == (moment, "me")
        assert (scene.zoom, *scene.zooms) == outcome.zooms * 2
        tiles = tiles_in_bounds(conn, WORLD, TileFilter(), limit=1000)
        sources = sources_by_ids(conn, [tile.id for tile in tiles])
        west, south, east, north = scene.bounds
        edges = [grid.tile_bounds(tile.index) for tile in tiles]
    assert len(tiles) == outcome.tiles >= 5
    assert west == pytest.approx(min(edge.west for edge in edges))
    assert north == pytest.approx(max(edge.north for edge in edges))
    assert (south, east) == pytest.approx(
        (min(edge.south for edge in edges), max(edge.east for edge in edges))
    )
    for tile in tiles:
        assert read_tile(sources[tile.id]).max() > 0


def test_footprints_and_areas_are_those_of_the_grid(fresh_engine: Engine, tmp_path: Path) -> None:
    tiles = [TileIndex(0, 0, 0), TileIndex(3, 7, 7), TileIndex(14, 8000, 5000)]
    store(fresh_engine, pyramid(write_pyramid(tmp_path / "p", tiles)))
    with fresh_engine.connect() as conn:
        rows = conn.execute(
            text(
                "SELECT z, x, y, area_m2, ST_XMin(footprint), ST_YMin(footprint), "
                "ST_XMax(footprint), ST_YMax(footprint), ST_IsValid(footprint), "
                "ST_IsPolygonCCW(footprint), ST_SRID(footprint) FROM tile"
            )
        ).all()
    assert len(rows) == 3
    for z, x, y, area, *edges, valid, counter_clockwise, srid in rows:
        tile = TileIndex(z, x, y)
        assert area == pytest.approx(grid.area_m2(tile), rel=1e-12)
        assert tuple(edges) == pytest.approx(grid.tile_bounds(tile), abs=1e-12)
        assert (valid, counter_clockwise, srid) == (True, True, 4326)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("tms", [False, True])
def test_pyramids_of_both_schemes(
    fresh_engine: Engine, tmp_path: Path, suffix: str, tms: bool
) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS, tms=tms, suffix=suffix)
    (folder / "5" / "3" / "notes.txt").write_text("passed over")
    (folder / "readme").mkdir()
    store(fresh_engine, pyramid(folder, "tms" if tms else "xyz"))
    found = cells(fresh_engine, "p")
    assert set(found) == set(CELLS)
    with fresh_engine.connect() as conn:
        sources = sources_by_ids(conn, list(found.values()))
    for tile, tile_id in found.items():
        pixels = read_tile(sources[tile_id])
        assert pixels[9, 9].tolist() == pytest.approx(tile_colour(tile), abs=4)


def test_mbtiles_become_a_scene(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_mbtiles(tmp_path / "m.mbtiles", CELLS, attribution="them", format="png")
    source = MBTilesSource("m", str(path), str(tmp_path), SceneMetadata())
    assert store(fresh_engine, source).tiles == len(CELLS)
    again = MBTilesSource("m", str(path), str(tmp_path), SceneMetadata())
    assert store(fresh_engine, again).status == "unchanged"
    found = cells(fresh_engine, "m")
    with fresh_engine.connect() as conn:
        sources = sources_by_ids(conn, list(found.values()))
        scene = scene_by_name(conn, "m")
    assert scene is not None
    assert scene.attribution == "them"
    for tile, tile_id in found.items():
        assert read_tile(sources[tile_id])[9, 9].tolist() == list(tile_colour(tile))
    vector = write_mbtiles(tmp_path / "v.mbtiles", CELLS, format="pbf")
    with pytest.raises(IngestError, match="pbf"):
        store(fresh_engine, MBTilesSource("v", str(vector), str(tmp_path), SceneMetadata()))


def test_tables_count_rows_from_the_south(fresh_engine: Engine, tmp_path: Path) -> None:
    write_pyramid(tmp_path / "tiles", CELLS[:4], tms=True)
    csv = tmp_path / "seed.csv"
    lines = [
        f"{i},{t.z},{t.x},{flip_y(t).y},tiles/{t.z}/{t.x}/{flip_y(t).y}.png\n"
        for i, t in enumerate(CELLS)
    ]
    csv.write_text("id,z_coord,x_coord,y_coord,path\n" + "".join(lines))
    assert store(fresh_engine, table(csv, tmp_path)).tiles == len(CELLS)
    found = cells(fresh_engine, "seed")
    assert set(found) == set(CELLS)
    with fresh_engine.connect() as conn:
        sources = sources_by_ids(conn, list(found.values()))
    for tile in CELLS[:4]:
        assert read_tile(sources[found[tile]])[9, 9].tolist() == list(tile_colour(tile))
    with pytest.raises(EarthGQLError, match="does not exist"):
        read_tile(sources[found[CELLS[-1]]])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "no column"),
        ("a,b\n1,2\n", "no column"),
        ("z_coord,x_coord,y_coord,path\n1,0,zero,a.png\n", "line 2"),
        ("z_coord,x_coord,y_coord,path\n1,0,0,a.png\n1,0\n", "line 3"),
        ("z_coord,x_coord,y_coord,path\n1,0,0,/etc/passwd\n", "line 2"),
        ("z_coord,x_coord,y_coord,path\n1,0,0,../a.png\n", "line 2"),
        ("z_coord,x_coord,y_coord,path\n1,5,0,a.png\n", "not in the grid"),
        ("z_coord,x_coord,y_coord,path\n30,5,0,a.png\n", "not in the grid"),
        ("z_coord,x_coord,y_coord,path\n1,99999999999999999999,0,a.png\n", "beyond"),
        (
            "z_coord,x_coord,y_coord,path\n1,0,0,a.png\n1,0,0,b.png\n",
            "line 3: z=1 x=0 y=0 is listed twice, first in line 2",
        ),
        ("z_coord,x_coord,y_coord,path\n", "no tile"),
        ("\xff\xfe\0", "no column|CSV"),
    ],
)
def test_wrong_tables_are_refused_whole(
    fresh_engine: Engine, tmp_path: Path, content: str, reason: str
) -> None:
    csv = tmp_path / "bad.csv"
    csv.write_bytes(content.encode("latin-1"))
    with pytest.raises(IngestError, match=reason):
        store(fresh_engine, table(csv, tmp_path))
    assert snapshot(fresh_engine) == []
    with fresh_engine.connect() as conn:
        assert list_scenes(conn) == []


def test_twice_changes_nothing(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "field.tif", noise())
    folder = write_pyramid(tmp_path / "p", CELLS)
    sources: list[Callable[[], object]] = [lambda: raster(path), lambda: pyramid(folder)]
    for make in sources:
        store(fresh_engine, make())  # type: ignore[arg-type]
    score_all(fresh_engine)
    before, scores = snapshot(fresh_engine), scored(fresh_engine)
    for make in sources:
        assert store(fresh_engine, make()).status == "unchanged"  # type: ignore[arg-type]
    assert snapshot(fresh_engine) == before
    assert scored(fresh_engine) == scores


def test_a_changed_raster_drops_its_scores(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "field.tif", noise())
    other = write_raster(tmp_path / "other.tif", noise())
    store(fresh_engine, raster(path))
    store(fresh_engine, raster(other))
    score_all(fresh_engine)
    write_raster(path, noise(3, 700, 700))
    assert store(fresh_engine, raster(path)).status == "changed"
    assert scored(fresh_engine) == set(cells(fresh_engine, "other").values())
    assert len(cells(fresh_engine, "field")) > len(cells(fresh_engine, "other"))


def test_other_options_make_the_tiles_anew(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "field.tif", noise())
    store(fresh_engine, raster(path))
    assert store(fresh_engine, raster(path, zoom=15)).status == "changed"
    assert {tile.z for tile in cells(fresh_engine, "field")} == {15}


def test_date_and_attribution_are_amended_without_losing_scores(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    field = write_raster(tmp_path / "field.tif", noise())
    archive = write_mbtiles(tmp_path / "m.mbtiles", CELLS)
    folder = write_pyramid(tmp_path / "p", CELLS)

    def sources(**about: object) -> list[object]:
        facts = SceneMetadata(**about)  # type: ignore[arg-type]
        mbtiles = MBTilesSource("m", str(archive), str(tmp_path), facts)
        return [raster(field, **about), mbtiles, pyramid(folder, **about)]

    def ingest(**about: object) -> list[str]:
        return [store(fresh_engine, source).status for source in sources(**about)]  # type: ignore[arg-type]

    def told() -> set[tuple[datetime | None, str | None]]:
        with fresh_engine.connect() as conn:
            rows = conn.execute(text("SELECT acquired_at, attribution FROM scene"))
            return {(row.acquired_at, row.attribution) for row in rows}

    august, july = (datetime(2024, month, 1, tzinfo=UTC) for month in (8, 7))
    assert ingest() == ["new"] * 3
    score_all(fresh_engine)
    scores = scored(fresh_engine)
    assert ingest(acquired_at=august, attribution="© A") == ["amended"] * 3
    assert told() == {(august, "© A")}
    assert ingest() == ["unchanged"] * 3
    assert ingest(attribution="© A") == ["unchanged"] * 3
    assert told() == {(august, "© A")}, "what is not given stays"
    assert ingest(acquired_at=july) == ["amended"] * 3
    assert told() == {(july, "© A")}
    assert scored(fresh_engine) == scores


def test_sha256_sees_through_a_new_date(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "field.tif", noise())
    store(fresh_engine, raster(path, sha256=True))
    path.touch()
    assert store(fresh_engine, raster(path, sha256=True)).status == "unchanged"
    assert store(fresh_engine, raster(path)).status == "changed"


def test_replace_drops_all_scores(fresh_engine: Engine, tmp_path: Path) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS)
    store(fresh_engine, pyramid(folder))
    score_all(fresh_engine)
    assert store(fresh_engine, pyramid(folder), replace=True).status == "changed"
    assert scored(fresh_engine) == set()
    assert set(cells(fresh_engine, "p")) == set(CELLS)


def test_unchanged_pictures_keep_their_ids_and_scores(fresh_engine: Engine, tmp_path: Path) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS)
    store(fresh_engine, pyramid(folder))
    score_all(fresh_engine)
    before = cells(fresh_engine, "p")
    changed, gone, added = CELLS[0], CELLS[1], TileIndex(6, 1, 1)
    (folder / "5" / str(changed.x) / f"{changed.y}.png").write_bytes(b"other")
    (folder / "5" / str(gone.x) / f"{gone.y}.png").unlink()
    write_pyramid(folder, [added])
    outcome = store(fresh_engine, pyramid(folder))
    assert (outcome.status, outcome.tiles) == ("changed", len(CELLS))
    after = cells(fresh_engine, "p")
    assert set(after) == {*CELLS, added} - {gone}
    kept = {tile: before[tile] for tile in CELLS[2:]}
    assert kept.items() <= after.items()
    assert scored(fresh_engine) == set(kept.values())


def test_a_name_belongs_to_one_source(fresh_engine: Engine, tmp_path: Path) -> None:
    first = write_raster(tmp_path / "a" / "field.tif", noise())
    second = write_raster(tmp_path / "b" / "field.tif", noise())
    store(fresh_engine, raster(first))
    with pytest.raises(IngestError, match="--name"):
        store(fresh_engine, raster(second))
    store(fresh_engine, raster(second), replace=True)
    with fresh_engine.connect() as conn:
        scene = scene_by_name(conn, "field")
    assert scene is not None
    assert scene.uri == str(second)


def test_rehearsing_counts_the_same(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "field.tif", noise())
    rehearsed = dry_run(raster(path))
    assert (rehearsed.status, rehearsed.tiles) == (
        "dry run",
        store(fresh_engine, raster(path)).tiles,
    )


def test_two_at_once_make_one_scene(fresh_engine: Engine, tmp_path: Path) -> None:
    folder = write_pyramid(tmp_path / "p", CELLS)
    statuses: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.append(store(fresh_engine, pyramid(folder)).status)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == ["new", "unchanged", "unchanged", "unchanged"]
    assert set(cells(fresh_engine, "p")) == set(CELLS)


def test_a_scene_across_the_antimeridian_is_narrow(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "fiji.tif", noise(), west=179.98, north=-17)
    store(fresh_engine, raster(path))
    with fresh_engine.connect() as conn:
        scene = scene_by_name(conn, "fiji")
        assert scene is not None
        assert 179.9 < scene.bounds.west < 180
        assert -180 < scene.bounds.east < -179.9
        whole = len(cells(fresh_engine, "fiji"))
        for view, share in (
            (grid.bounds(179, -18, -179, -16), whole),
            (grid.bounds(179, -18, 180, -16), None),
            (grid.bounds(-180, -18, -179, -16), None),
        ):
            found = tiles_in_bounds(conn, view, TileFilter(), limit=100)
            assert len(found) == share if share else 0 < len(found) < whole


def test_a_source_without_tiles_is_refused(fresh_engine: Engine, tmp_path: Path) -> None:
    path = write_raster(tmp_path / "empty.tif", noise() * 0, nodata=0)
    with pytest.raises(IngestError, match=r"no tile.*nodata 0.*--nodata none"):
        store(fresh_engine, raster(path))
    (tmp_path / "tiles").mkdir()
    with pytest.raises(IngestError, match=r"no tile.*z/x/y"):
        store(fresh_engine, pyramid(tmp_path / "tiles"))
    assert snapshot(fresh_engine) == []


def test_deleting_a_scene_takes_tiles_and_scores(fresh_engine: Engine, tmp_path: Path) -> None:
    store(fresh_engine, pyramid(write_pyramid(tmp_path / "p", CELLS)))
    score_all(fresh_engine)
    with fresh_engine.begin() as conn:
        delete_scene(conn, "p")
        with pytest.raises(NotFoundError):
            delete_scene(conn, "p")
    assert snapshot(fresh_engine) == []
    assert scored(fresh_engine) == set()


def test_a_file_that_changes_while_it_is_listed_counts_as_changed_the_next_time(
    fresh_engine: Engine, tmp_path: Path
) -> None:
    path = write_raster(tmp_path / "lake.tif", noise())

    def change(_candidates: int) -> None:
        os.utime(path, ns=(0, 0))

    assert store(fresh_engine, raster(path), progress=change).status == "new"
    assert store(fresh_engine, raster(path)).status == "changed"
    assert store(fresh_engine, raster(path)).status == "unchanged"
