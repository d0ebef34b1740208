"""One tile answers for each piece of ground, for points and viewports alike."""

import itertools
import random

import pytest
from sqlalchemy import Connection, event, text
from support.area_sums import CUTOFFS, changes_of
from support.catalog_rows import add_scores
from support.overlap_rule import (
    BANDS,
    CELL,
    WORLD,
    Made,
    add_scene,
    band,
    children,
    day,
    expected,
    middle,
)

from earthgql.catalog.analysis.histogram import label_histogram
from earthgql.catalog.analysis.timeline import Interval, label_timeline
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scenes import list_scenes, scenes_by_ids, tile_counts
from earthgql.catalog.tiles.columns import columns_in_bounds, count_in_bounds
from earthgql.catalog.tiles.export import export_rows
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import (
    TileRecord,
    sources_by_ids,
    tiles_at,
    tiles_by_ids,
    tiles_in_bounds,
)
from earthgql.catalog.tiles.visible import zoom_band
from earthgql.errors import BadInputError
from earthgql.imagery import grid
from earthgql.imagery.grid import LonLat, TileIndex

ANY = TileFilter()


def shown(conn: Connection, where: TileFilter = ANY) -> set[tuple[int, TileIndex]]:
    tiles = tiles_in_bounds(conn, WORLD, where, limit=10_000)
    assert [t.id for t in tiles] == sorted(t.id for t in tiles)
    return {(t.scene_id, t.index) for t in tiles}


def test_the_newest_acquisition_answers(connection: Connection) -> None:
    new = add_scene(connection, "new", [CELL], day(9))
    add_scene(connection, "old", [CELL], day(3))
    add_scene(connection, "undated", [CELL])
    assert shown(connection) == {(new, CELL)}
    (found,) = tiles_at(connection, [middle(CELL)], ANY)
    assert found is not None
    assert found.scene_id == new


def test_at_goes_back_in_time_and_keeps_what_is_undated(connection: Connection) -> None:
    add_scene(connection, "new", [CELL], day(9))
    old = add_scene(connection, "old", [CELL], day(3))
    undated = add_scene(connection, "undated", [CELL])
    for moment, scene in ((day(5), old), (day(3), old), (day(2), undated)):
        assert shown(connection, TileFilter(at=moment)) == {(scene, CELL)}
        (found,) = tiles_at(connection, [middle(CELL)], TileFilter(at=moment))
        assert found is not None
        assert found.scene_id == scene


def test_among_the_undated_the_latest_ingested_answers(connection: Connection) -> None:
    add_scene(connection, "first", [CELL])
    second = add_scene(connection, "second", [CELL])
    assert shown(connection) == {(second, CELL)}


def test_a_coarse_newer_tile_hides_the_finer_ones_below_it(connection: Connection) -> None:
    add_scene(connection, "fine", children(CELL, 2), day(1))
    coarse = add_scene(connection, "coarse", [CELL], day(2))
    assert shown(connection) == {(coarse, CELL)}


def test_finer_tiles_hide_a_coarse_one_only_if_they_cover_all_of_it(
    connection: Connection,
) -> None:
    coarse = add_scene(connection, "coarse", [CELL], day(1))
    fine = add_scene(connection, "fine", children(CELL, 2)[:-1], day(1))
    partial = {(coarse, CELL)} | {(fine, tile) for tile in children(CELL, 2)[:-1]}
    assert shown(connection) == partial
    full = add_scene(connection, "full", children(CELL, 1), day(1))
    rest = {(full, children(CELL)[-1])}
    assert shown(connection) == partial - {(coarse, CELL)} | rest


def test_finer_tiles_of_a_scene_across_the_antimeridian_hide_a_coarse_one(
    connection: Connection,
) -> None:
    sides = [TileIndex(8, 255, 100), TileIndex(8, 0, 100)]
    add_scene(connection, "coarse", sides, day(1))
    fine = add_scene(connection, "fine", [c for cell in sides for c in children(cell)], day(2))
    west, south, east, north = (*grid.tile_bounds(sides[0])[:2], *grid.tile_bounds(sides[1])[2:])
    footprint = f"ST_MakeEnvelope({west}, {south}, {east + 360}, {north}, 4326)"
    connection.execute(text(f"UPDATE scene SET footprint = {footprint} WHERE id = {fine}"))
    assert shown(connection) == {(fine, c) for cell in sides for c in children(cell)}


def test_a_pyramid_of_all_zooms_answers_with_its_finest(connection: Connection) -> None:
    scene = add_scene(connection, "pyramid", [CELL, *children(CELL), *children(CELL, 2)])
    assert shown(connection) == {(scene, tile) for tile in children(CELL, 2)}
    assert shown(connection, TileFilter(zoom=10)) == {(scene, CELL)}
    assert shown(connection, TileFilter(zoom=11)) == {(scene, tile) for tile in children(CELL)}
    assert shown(connection, TileFilter(zoom=9)) == set()


def test_a_scene_by_name_answers_alone(connection: Connection) -> None:
    add_scene(connection, "new", [CELL], day(9))
    old = add_scene(connection, "old", [CELL], day(3))
    where = TileFilter(scene="old")
    assert shown(connection, where) == {(old, CELL)}
    (found,) = tiles_at(connection, [middle(CELL)], where)
    assert found is not None
    assert found.scene_id == old


def test_unknown_scenes_are_bad_input(connection: Connection) -> None:
    for ask in (
        lambda: tiles_at(connection, [LonLat(0, 0)], TileFilter(scene="none")),
        lambda: tiles_in_bounds(connection, WORLD, TileFilter(scene="none"), limit=1),
    ):
        with pytest.raises(BadInputError, match="'none'"):
            ask()


def test_points_are_answered_in_their_order_in_one_statement(connection: Connection) -> None:
    cells = [TileIndex(8, x, 100) for x in range(20)]
    add_scene(connection, "row", cells)
    points = [middle(cell) for cell in cells] + [LonLat(100, 50), LonLat(0, 90), LonLat(0, -90)]
    random.Random(3).shuffle(points)
    statements: list[str] = []
    event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
    found = tiles_at(connection, points, ANY)
    assert len(statements) == 1
    for position, tile in zip(points, found, strict=True):
        expected = grid.tile_at(position, 8)
        assert (tile.index if tile else None) == (expected if expected in cells else None)
    assert tiles_at(connection, [], ANY) == []


def test_an_edge_belongs_to_one_tile(connection: Connection) -> None:
    add_scene(connection, "block", children(TileIndex(5, 15, 15), 3))
    west, _, _, north = grid.tile_bounds(TileIndex(8, 124, 124))
    (found,) = tiles_at(connection, [LonLat(west, north)], ANY)
    assert found is not None
    assert found.index == TileIndex(8, 124, 124)
    exact = grid.tile_bounds(TileIndex(8, 124, 124))
    (only,) = tiles_in_bounds(connection, [exact], ANY, limit=10)
    assert only == found


def test_the_ends_of_the_world_have_tiles(connection: Connection) -> None:
    add_scene(connection, "world", children(TileIndex(0, 0, 0), 2))
    for lon, lat, x, y in ((180, 0, 3, 2), (-180, 0, 0, 2), (0, 85, 2, 0), (0, -85, 2, 3)):
        (found,) = tiles_at(connection, [LonLat(lon, lat)], ANY)
        assert found is not None
        assert found.index == TileIndex(2, x, y)
    across = tiles_in_bounds(connection, grid.bounds(170, 10, -170, 20), ANY, limit=10)
    assert {tile.index.x for tile in across} == {0, 3}
    assert tiles_in_bounds(connection, grid.bounds(0, 86, 10, 90), ANY, limit=10) == []


def test_pages_join_to_the_whole(connection: Connection) -> None:
    add_scene(connection, "a", children(CELL, 3), day(1))
    add_scene(connection, "b", children(children(CELL)[0], 2), day(2))
    whole = tiles_in_bounds(connection, WORLD, ANY, limit=1000)
    pages: list[TileRecord] = []
    while page := tiles_in_bounds(
        connection, WORLD, ANY, limit=7, after=pages[-1].id if pages else None
    ):
        pages += page
    assert pages == whole
    assert len(whole) == 64


def test_lookups_by_id(connection: Connection) -> None:
    scene = add_scene(connection, "a", [CELL])
    (tile,) = tiles_in_bounds(connection, WORLD, ANY, limit=10)
    assert tiles_by_ids(connection, [tile.id, 10**9]) == {tile.id: tile}
    assert scenes_by_ids(connection, [scene, 10**9])[scene].name == "a"
    assert len(scenes_by_ids(connection, [scene, 10**9])) == 1
    assert set(sources_by_ids(connection, [tile.id, 10**9])) == {tile.id}
    add_scene(connection, "b", [CELL])
    names = [s.name for s in list_scenes(connection, limit=1, after=scene)]
    assert names == ["b"]
    assert tile_counts(connection, [scene]) == {scene: 1}


@pytest.mark.parametrize("coarse", range(9))
def test_what_is_coarser_by_three_zooms_hides_nothing(connection: Connection, coarse: int) -> None:
    fine = add_scene(connection, "fine", [TileIndex(8, 100, 70)])
    cell = TileIndex(coarse, 100 >> (8 - coarse), 70 >> (8 - coarse))
    new = add_scene(connection, "coarse", [cell], day(9))
    (found,) = tiles_at(connection, [middle(TileIndex(8, 100, 70))], ANY)
    assert found is not None
    hides = coarse > 6  # 7 to 9 are one band
    assert found.scene_id == (new if hides else fine)
    both = {(new, cell), (fine, TileIndex(8, 100, 70))}
    assert shown(connection) == ({(new, cell)} if hides else both)
    assert count_in_bounds(connection, WORLD, ANY) == len(shown(connection))


def test_which_zooms_hide_which() -> None:
    for fine, coarse in itertools.combinations(range(24, -1, -1), 2):
        assert band(fine) >= band(coarse)
        if fine - coarse >= 3:
            assert band(fine) > band(coarse)
    assert {len(zooms) for zooms in BANDS[1:]} == {3}
    assert [zooms[-1] for zooms in BANDS] == [0, 3, 6, 9, 12, 15, 18, 21, 24]


def test_the_bands_of_the_statement(connection: Connection) -> None:
    sql = f"SELECT z, {zoom_band('z')} FROM generate_series(0, 24) AS z"
    assert dict(connection.execute(text(sql)).all()) == {zoom: band(zoom) for zoom in range(25)}


def test_a_raster_of_the_world_hides_no_scene(connection: Connection, model: ModelRecord) -> None:
    """In points, lists, columns, counts, exports and sums alike."""
    cells = children(TileIndex(9, 200, 180), 2)
    fine = add_scene(connection, "fine", cells)
    add_scene(connection, "world", [TileIndex(0, 0, 0)], day(9))
    tiles = {t.index: t.id for t in tiles_in_bounds(connection, WORLD, ANY, limit=100)}
    world = tiles.pop(TileIndex(0, 0, 0))
    assert set(tiles) == set(cells)
    add_scores(
        connection, model, {world: (0.9, 0.9, 0.9)} | dict.fromkeys(tiles.values(), (0,) * 3)
    )
    part = [grid.tile_bounds(TileIndex(9, 200, 180))]
    points = tiles_at(connection, [middle(cell) for cell in cells], ANY)
    assert [tile and tile.index for tile in points] == cells
    columns = columns_in_bounds(connection, WORLD, ANY, model_id=model.id, labels=3, limit=100)
    assert sorted(columns.ids) == sorted([world, *tiles.values()])
    assert count_in_bounds(connection, WORLD, ANY) == 17
    rows = [
        row
        for chunk in export_rows(connection, WORLD, ANY, model_id=model.id, labels=3)
        for row in chunk
    ]
    assert {row.index for row in rows if row.scene == "fine"} == set(cells)
    m2 = sum(map(grid.area_m2, cells))
    found = label_histogram(connection, part, ANY, model, CUTOFFS).sums
    assert (found.tiles, found.labels[0].tiles) == (16, 0)
    assert found.covered_m2 == pytest.approx(m2)
    changes = changes_of(connection, model, part, ANY, day(8), day(10))
    assert changes.kept.tiles == changes.appeared.tiles == 0
    assert changes.compared_m2 == pytest.approx(m2)
    # In a period of its own it is all there is.
    timeline = label_timeline(connection, part, ANY, model, CUTOFFS, interval=Interval.DAY)
    assert [period.sums.tiles for period in timeline.periods] == [1]
    assert {tile.scene_id for tile in points if tile} == {fine}


@pytest.mark.parametrize("seed", range(25))
def test_random_scenes_follow_the_rule_and_points_agree_with_viewports(
    connection: Connection, seed: int
) -> None:
    chance = random.Random(seed)
    root = TileIndex(5 + seed % 3, 10, 20)  # borders of bands are at any of the zooms below it
    scenes = []
    for number in range(chance.randint(1, 5)):
        tiles: set[TileIndex] = set()
        for zooms in chance.sample((0, 1, 2, 3), chance.randint(1, 3)):
            cells = children(root, zooms)
            share = chance.choice((0.3, 0.8, 1.0))
            tiles |= {cell for cell in cells if chance.random() < share}
        if tiles:
            moment = chance.choice((None, day(1), day(2), day(3)))
            scene_id = add_scene(connection, f"s{number}", tiles, moment)
            scenes.append(Made(scene_id, frozenset(tiles), moment))
    if not scenes:
        return
    assert shown(connection) == expected(scenes)
    undated = [s for s in scenes if s.acquired_at is None or s.acquired_at <= day(2)]
    assert shown(connection, TileFilter(at=day(2))) == expected(undated)
    zoom = root.z + 2
    of_zoom = [
        Made(s.id, frozenset(t for t in s.tiles if t.z == zoom), s.acquired_at) for s in scenes
    ]
    assert shown(connection, TileFilter(zoom=zoom)) == expected(of_zoom)

    west, south, east, north = grid.tile_bounds(root)
    points = [LonLat(chance.uniform(west, east), chance.uniform(south, north)) for _ in range(30)]
    rank = {s.id: s for s in scenes}
    for position, best in zip(points, tiles_at(connection, points, ANY), strict=True):
        around = grid.bounds(position.lon, position.lat, position.lon, position.lat)
        here = tiles_in_bounds(connection, around, ANY, limit=100)
        assert all(grid.tile_at(position, t.index.z) == t.index for t in here)
        if best is None:
            assert here == []
        else:
            assert best == max(here, key=lambda t: rank[t.scene_id].rank(t.index.z))
