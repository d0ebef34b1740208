"""Sums over an area by label: what they are, and where its edge cuts tiles."""

import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text
from support.area_sums import (
    ANY,
    CELL,
    CUTOFFS,
    EXACT,
    WORLD,
    areas,
    day,
    inside,
    outline,
    statements,
)
from support.catalog_rows import add_scene, add_scores, around, children

from earthgql.catalog.analysis import timeline as timelines
from earthgql.catalog.analysis import work_estimate
from earthgql.catalog.analysis.coverage import coverage
from earthgql.catalog.analysis.histogram import label_histogram
from earthgql.catalog.analysis.query_area import query_area_m2
from earthgql.catalog.analysis.timeline import Interval, label_timeline
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.sql import execute
from earthgql.catalog.tiles.areas import parse_area
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import AreaTooLargeError, BadInputError
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex


def test_tiles_areas_and_scores_by_label(connection: Connection, model: ModelRecord) -> None:
    tiles = children(CELL)
    ids = add_scene(connection, "one", tiles)
    scores = [(0.9, 0.3, 0.1), (0.5, 0.29, 0.7), (0.4, 0.8, 0.69)]
    add_scores(connection, model, dict(zip(list(ids.values())[:3], scores, strict=True)))
    with statements(connection) as seen:
        found = label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    assert len(seen) == 2
    sizes = [grid.area_m2(tile) for tile in tiles]
    assert found.area_m2 == pytest.approx(510_065_621_724_078, rel=1e-9)
    assert (found.sums.tiles, found.sums.tiles_classified) == (4, 3)
    assert found.sums.covered_m2 == pytest.approx(sum(sizes), rel=EXACT)
    assert found.sums.classified_m2 == pytest.approx(sum(sizes[:3]), rel=EXACT)
    forest, water, town = found.sums.labels
    assert (forest.label, forest.cutoff, forest.tiles) == ("forest", 0.5, 2)
    assert forest.area_m2 == pytest.approx(sizes[0] + sizes[1], rel=EXACT)
    assert forest.mean_score == 0.7
    # A score of 0.3 or 0.7 reaches a cutoff of that, although neither is the `real` it is kept as.
    assert (water.tiles, town.tiles) == (2, 1)
    assert water.area_m2 == pytest.approx(sizes[0] + sizes[2], rel=EXACT)
    # Nor is its mean less than the cutoff.
    assert town.mean_score == 0.7


def test_nothing_there(connection: Connection, model: ModelRecord) -> None:
    found = label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    assert (found.sums.tiles, found.sums.covered_m2, found.sums.classified_m2) == (0, 0, 0)
    assert [(of.tiles, of.area_m2, of.mean_score) for of in found.sums.labels] == [(0, 0, None)] * 3
    beyond = grid.bounds(0, 86, 10, 90)
    polar = label_histogram(connection, beyond, ANY, model, CUTOFFS)
    assert (polar.sums.tiles, polar.area_m2) == (0, pytest.approx(grid.rectangle_m2(*beyond)))
    with pytest.raises(BadInputError, match="no scene is named 'none'"):
        label_histogram(connection, WORLD, TileFilter(scene="none"), model, CUTOFFS)


def test_a_viewport_cuts_the_tiles_at_its_edge(connection: Connection, model: ModelRecord) -> None:
    ids = add_scene(connection, "one", children(CELL, 2))
    add_scores(connection, model, dict.fromkeys(ids.values(), (1, 0, 0)))
    part = inside(CELL)
    found = label_histogram(connection, [part], ANY, model, CUTOFFS)
    assert found.area_m2 == pytest.approx(grid.rectangle_m2(part), rel=EXACT)
    assert found.sums.covered_m2 == pytest.approx(found.area_m2, rel=EXACT)
    assert areas(found)["forest"] == (found.sums.tiles, pytest.approx(found.area_m2, rel=EXACT))
    exact = label_histogram(connection, [grid.tile_bounds(CELL)], ANY, model, CUTOFFS)
    assert exact.sums.tiles == 16
    assert exact.sums.covered_m2 == pytest.approx(grid.area_m2(CELL), rel=EXACT)
    west, south, _, _ = part
    spot = label_histogram(connection, grid.bounds(west, south, west, south), ANY, model, CUTOFFS)
    assert (spot.area_m2, spot.sums.tiles, spot.sums.covered_m2) == (0, 1, 0)


def test_across_the_antimeridian(connection: Connection, model: ModelRecord) -> None:
    west, east = TileIndex(3, 0, 3), TileIndex(3, 7, 3)
    ids = add_scene(connection, "ring", [west, east])
    add_scores(connection, model, {ids[west]: (1, 0, 0), ids[east]: (0, 1, 0)})
    parts = grid.bounds(170, 10, -175, 20)
    found = label_histogram(connection, parts, ANY, model, CUTOFFS)
    east_m2, west_m2 = map(grid.rectangle_m2, parts)
    assert areas(found)["forest"] == (1, pytest.approx(west_m2, rel=EXACT))
    assert areas(found)["water"] == (1, pytest.approx(east_m2, rel=EXACT))
    assert found.area_m2 == pytest.approx(east_m2 + west_m2, rel=EXACT)


def test_a_polygon_cuts_tiles_as_the_rectangle_does(
    connection: Connection, model: ModelRecord
) -> None:
    ids = add_scene(connection, "one", children(CELL, 3))
    add_scores(connection, model, {tile: (i % 2, 0, 0) for i, tile in enumerate(ids.values())})
    part = inside(CELL)
    by_bounds = label_histogram(connection, [part], ANY, model, CUTOFFS)
    area = outline(part)
    where = TileFilter(within=area)
    with statements(connection) as seen:
        by_polygon = label_histogram(connection, area.parts, where, model, CUTOFFS)
    assert len(seen) == 2
    assert by_polygon.area_m2 == pytest.approx(by_bounds.area_m2, rel=EXACT)
    assert by_polygon.sums.tiles == by_bounds.sums.tiles
    assert areas(by_polygon)["forest"] == (
        areas(by_bounds)["forest"][0],
        pytest.approx(areas(by_bounds)["forest"][1], rel=1e-8),
    )
    both = label_histogram(connection, [grid.tile_bounds(CELL)], where, model, CUTOFFS)
    assert both.area_m2 == pytest.approx(by_bounds.area_m2, rel=EXACT)
    assert both.sums.covered_m2 == pytest.approx(by_bounds.sums.covered_m2, rel=1e-8)


def test_a_tile_that_rectangle_and_polygon_meet_in_different_places(
    connection: Connection, model: ModelRecord
) -> None:
    ids = add_scene(connection, "one", [CELL])
    add_scores(connection, model, {ids[CELL]: (1, 1, 1)})
    west, south, east, north = grid.tile_bounds(CELL)
    middle = ((west + east) / 2, (south + north) / 2)
    corner = outline(Bounds(west, south, (west + middle[0]) / 2, (south + middle[1]) / 2))
    apart = [Bounds(middle[0], middle[1], east, north)]
    found = label_histogram(connection, apart, TileFilter(within=corner), model, CUTOFFS)
    assert (found.area_m2, found.sums.tiles, found.sums.tiles_classified) == (0, 0, 0)
    assert areas(found)["forest"] == (0, 0)


def test_a_scene_alone_is_not_ranked(connection: Connection, model: ModelRecord) -> None:
    ids = add_scene(connection, "old", children(CELL), acquired_at=day(1))
    add_scores(connection, model, dict.fromkeys(ids.values(), (1, 0, 0)))
    alone = work_estimate.estimate_work(connection, WORLD, ANY)
    scene = connection.scalar(text("SELECT id FROM scene"))
    assert (alone.only_zoom, alone.only_scene) == (CELL.z + 1, scene)
    ranked = "NOT EXISTS"
    assert ranked not in coverage(WORLD, ANY, alone).sql
    # A scene that comes between the estimate and the sum does not take part by halves.
    ids = add_scene(connection, "new", children(CELL)[:1], acquired_at=day(2))
    add_scores(connection, model, dict.fromkeys(ids.values(), (0, 1, 0)))
    shown = coverage(WORLD, ANY, alone)
    counted = execute(connection, "WITH " + shown + " SELECT count(*) FROM shown")
    assert counted.scalar_one() == 4
    both = work_estimate.estimate_work(connection, WORLD, ANY)
    assert (both.only_zoom, both.only_scene) == (CELL.z + 1, None)
    assert ranked in coverage(WORLD, ANY, both).sql
    found = label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    assert [label.tiles for label in found.sums.labels] == [3, 1, 0]
    chosen = work_estimate.estimate_work(connection, WORLD, TileFilter(scene="old"))
    assert (chosen.only_zoom, chosen.only_scene) == (CELL.z + 1, scene)


def test_slanting_edges_and_holes(connection: Connection, model: ModelRecord) -> None:
    add_scene(connection, "one", children(CELL, 4))
    west, south, east, north = grid.tile_bounds(CELL)
    hole = inside(CELL)
    triangle = [[west, south], [east, south], [west, north], [west, south]]
    other = [[east, south], [east, north], [west, north], [east, south]]
    ring = [
        [hole.west, hole.south],
        [hole.west, (south + north) / 2],
        [(west + east) / 2, hole.south],
        [hole.west, hole.south],
    ]
    for rings in ([triangle], [other], [triangle, ring]):
        area = parse_area({"type": "Polygon", "coordinates": rings})
        found = label_histogram(connection, area.parts, TileFilter(within=area), model, CUTOFFS)
        # The one integrates along the outline, the other adds up pieces of tiles.
        assert found.sums.covered_m2 == pytest.approx(found.area_m2, rel=1e-7)
    halves = [
        query_area_m2(WORLD, parse_area({"type": "Polygon", "coordinates": [half]}))
        for half in (triangle, other)
    ]
    assert sum(halves) == pytest.approx(grid.area_m2(CELL), rel=EXACT)


def test_a_polygon_of_many_vertices_takes_little_longer(
    connection: Connection, model: ModelRecord
) -> None:
    add_scene(connection, "one", children(CELL, 4))
    west, south, east, north = grid.tile_bounds(CELL)
    chance = random.Random(4)
    steps = 2400
    saw = [
        [west + (east - west) * i / steps, south + (north - south) * chance.uniform(0.4, 0.6)]
        for i in range(steps + 1)
    ]
    area = parse_area(
        {
            "type": "Polygon",
            "coordinates": [
                [*[[west, south], [east, south], *saw[::-1], saw[0]][:-1], [west, south]]
            ],
        }
    )
    found = label_histogram(connection, area.parts, TileFilter(within=area), model, CUTOFFS)
    assert found.sums.covered_m2 == pytest.approx(found.area_m2, rel=1e-7)


def test_too_much_work_is_refused(
    connection: Connection, model: ModelRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_scene(connection, "one", children(CELL, 2), day(1))
    add_scene(connection, "two", children(CELL, 2), datetime(2024, 2, 1, tzinfo=UTC))
    monkeypatch.setattr(work_estimate, "MOST_TILES", 31)
    with statements(connection) as seen, pytest.raises(AreaTooLargeError, match="more than 31"):
        label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    assert len(seen) == 2
    one_scene = label_histogram(connection, WORLD, TileFilter(scene="one"), model, CUTOFFS)
    assert one_scene.sums.tiles == 16
    part = inside(CELL)
    assert label_histogram(connection, [part], TileFilter(at=day(9)), model, CUTOFFS).sums.tiles
    monkeypatch.setattr(work_estimate, "MOST_TILES", 32)
    with statements(connection) as seen:
        assert label_histogram(connection, WORLD, ANY, model, CUTOFFS).sums.tiles == 16
    assert len(seen) == 3  # the rectangles around the scenes left it open
    monkeypatch.setattr(work_estimate, "MOST_COMPARISONS", 63)
    with pytest.raises(AreaTooLargeError, match="32 tiles of 2 scenes"):
        label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    monkeypatch.setattr(work_estimate, "MOST_COMPARISONS", 64)
    for name, limit in (("MOST_PERIODS", 1), ("MOST_LOOKS", 63)):
        with monkeypatch.context() as patch:
            patch.setattr(timelines, name, limit)
            with pytest.raises(AreaTooLargeError, match="2 periods of up to 32 tiles"):
                label_timeline(connection, WORLD, ANY, model, CUTOFFS, interval=Interval.MONTH)
            yearly = label_timeline(connection, WORLD, ANY, model, CUTOFFS, interval=Interval.YEAR)
            assert len(yearly.periods) == 1


def test_nothing_is_refused_for_room_that_has_no_tiles(
    connection: Connection, model: ModelRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    corners = [children(CELL, 3)[0], children(CELL, 3)[-1]]
    for number in range(2):
        add_scene(connection, f"s{number}", corners, day(number + 1))
    monkeypatch.setattr(work_estimate, "MOST_COMPARISONS", 8)
    assert label_histogram(connection, WORLD, ANY, model, CUTOFFS).sums.tiles == 2
    monkeypatch.setattr(timelines, "MOST_LOOKS", 8)
    found = label_timeline(connection, WORLD, ANY, model, CUTOFFS, interval=Interval.DAY)
    assert [period.sums.tiles for period in found.periods] == [2, 2]
    # A polygon from one of the corners to the next, past the other two of the rectangle around it.
    add_scene(connection, "full", children(CELL, 3), day(3))
    west, south, east, north = grid.tile_bounds(CELL)
    ring = [[west, north], [west, north - 1e-6], [east, south], [east, south + 1e-6], [west, north]]
    thin = parse_area({"type": "Polygon", "coordinates": [ring]})
    monkeypatch.setattr(work_estimate, "MOST_COMPARISONS", 3 * 30)
    where = TileFilter(within=thin)
    assert label_histogram(connection, thin.parts, where, model, CUTOFFS).sums.tiles < 30
    with pytest.raises(AreaTooLargeError, match="68 tiles of 3 scenes"):
        label_histogram(connection, WORLD, ANY, model, CUTOFFS)


def test_a_rectangle_of_the_world_and_one_around_it(connection: Connection) -> None:
    west, south, east, north = grid.tile_bounds(CELL)
    cells = children(CELL, 2)
    assert around(map(grid.tile_bounds, cells)) == pytest.approx((west, south, east, north))
    assert sum(map(grid.area_m2, cells)) == pytest.approx(grid.area_m2(CELL), rel=EXACT)
    assert query_area_m2(WORLD, None) == pytest.approx(510_065_621_724_078, rel=1e-9)
    quarters = [[-180, -90], [0, -90], [180, -90], [180, 90], [0, 90], [-180, 90], [-180, -90]]
    whole = parse_area({"type": "Polygon", "coordinates": [quarters]})
    assert query_area_m2(WORLD, whole) == pytest.approx(query_area_m2(WORLD, None), rel=EXACT)
