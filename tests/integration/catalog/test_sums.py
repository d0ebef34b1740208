"""Sums over areas: against a count of the smallest cells, one by one."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from scored_scenes import add_model, add_scene, add_scores, around, children
from sqlalchemy import Connection, event

from earthgql.catalog import survey as surveys
from earthgql.catalog import timeline as timelines
from earthgql.catalog.areas import Area, parse_area
from earthgql.catalog.changes import Changes, label_changes
from earthgql.catalog.choices import LabelTerm, TileFilter
from earthgql.catalog.comparison import model_comparison
from earthgql.catalog.histogram import Histogram, label_histogram
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.region import asked_m2
from earthgql.catalog.timeline import Interval, label_timeline
from earthgql.errors import AreaTooLargeError, BadInputError
from earthgql.landscape import render_scene
from earthgql.landscape.labels import LABELS as LANDSCAPE_LABELS
from earthgql.tiles import grid
from earthgql.tiles.grid import Bounds, TileIndex

LABELS = ("forest", "water", "town")
CUTOFFS = (0.5, 0.3, 0.7)
ANY = TileFilter()
CELL = TileIndex(10, 300, 400)
WORLD = grid.bounds(-180, -90, 180, 90)
EXACT = 1e-9


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


@pytest.fixture
def model(connection: Connection) -> ModelRecord:
    return add_model(connection, "sums", LABELS, 0.5)


@contextmanager
def statements(conn: Connection) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    event.listen(conn, "before_cursor_execute", note)
    yield seen
    event.remove(conn, "before_cursor_execute", note)


def areas(found: Histogram) -> dict[str, tuple[int, float]]:
    return {label.label: (label.tiles, label.area_m2) for label in found.sums.labels}


def inside(tile: TileIndex) -> Bounds:
    """The middle half of a tile, each way."""
    west, south, east, north = grid.tile_bounds(tile)
    return Bounds(
        west + (east - west) / 4,
        south + (north - south) / 4,
        east - (east - west) / 4,
        north - (north - south) / 4,
    )


def outline(part: Bounds) -> Area:
    west, south, east, north = part
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return parse_area({"type": "Polygon", "coordinates": [ring]})


def test_tiles_areas_and_scores_by_label(connection: Connection, model: ModelRecord) -> None:
    tiles = children(CELL)
    ids = add_scene(connection, "one", tiles)
    scores = [(0.9, 0.3, 0.1), (0.5, 0.29, 0.7), (0.4, 0.8, 0.69)]
    add_scores(connection, model, dict(zip(list(ids.values())[:3], scores, strict=True)))
    with statements(connection) as seen:
        found = label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    assert len(seen) == 2
    sizes = [grid.area_m2(tile) for tile in tiles]
    assert found.asked_m2 == pytest.approx(510_065_621_724_078, rel=1e-9)
    assert (found.sums.tiles, found.sums.tiles_classified) == (4, 3)
    assert found.sums.covered_m2 == pytest.approx(sum(sizes), rel=EXACT)
    assert found.sums.classified_m2 == pytest.approx(sum(sizes[:3]), rel=EXACT)
    forest, water, town = found.sums.labels
    assert (forest.label, forest.cutoff, forest.tiles) == ("forest", 0.5, 2)
    assert forest.area_m2 == pytest.approx(sizes[0] + sizes[1], rel=EXACT)
    assert forest.mean_score == pytest.approx((0.9 + 0.5) / 2, rel=1e-6)
    # A score of 0.3 or 0.7 reaches a cutoff of that, although neither is the `real` it is kept as.
    assert (water.tiles, town.tiles) == (2, 1)
    assert water.area_m2 == pytest.approx(sizes[0] + sizes[2], rel=EXACT)
    assert town.mean_score == pytest.approx(0.7, rel=1e-6)


def test_nothing_there(connection: Connection, model: ModelRecord) -> None:
    found = label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    assert (found.sums.tiles, found.sums.covered_m2, found.sums.classified_m2) == (0, 0, 0)
    assert [(of.tiles, of.area_m2, of.mean_score) for of in found.sums.labels] == [(0, 0, None)] * 3
    beyond = grid.bounds(0, 86, 10, 90)
    polar = label_histogram(connection, beyond, ANY, model, CUTOFFS)
    assert (polar.sums.tiles, polar.asked_m2) == (0, pytest.approx(grid.rectangle_m2(*beyond)))
    with pytest.raises(BadInputError, match="no scene is named 'none'"):
        label_histogram(connection, WORLD, TileFilter(scene="none"), model, CUTOFFS)


def test_a_viewport_cuts_the_tiles_at_its_edge(connection: Connection, model: ModelRecord) -> None:
    ids = add_scene(connection, "one", children(CELL, 2))
    add_scores(connection, model, dict.fromkeys(ids.values(), (1, 0, 0)))
    part = inside(CELL)
    found = label_histogram(connection, [part], ANY, model, CUTOFFS)
    assert found.asked_m2 == pytest.approx(grid.rectangle_m2(part), rel=EXACT)
    assert found.sums.covered_m2 == pytest.approx(found.asked_m2, rel=EXACT)
    assert areas(found)["forest"] == (found.sums.tiles, pytest.approx(found.asked_m2, rel=EXACT))
    exact = label_histogram(connection, [grid.tile_bounds(CELL)], ANY, model, CUTOFFS)
    assert exact.sums.tiles == 16
    assert exact.sums.covered_m2 == pytest.approx(grid.area_m2(CELL), rel=EXACT)
    west, south, _, _ = part
    spot = label_histogram(connection, grid.bounds(west, south, west, south), ANY, model, CUTOFFS)
    assert (spot.asked_m2, spot.sums.tiles, spot.sums.covered_m2) == (0, 1, 0)


def test_across_the_antimeridian(connection: Connection, model: ModelRecord) -> None:
    west, east = TileIndex(3, 0, 3), TileIndex(3, 7, 3)
    ids = add_scene(connection, "ring", [west, east])
    add_scores(connection, model, {ids[west]: (1, 0, 0), ids[east]: (0, 1, 0)})
    parts = grid.bounds(170, 10, -175, 20)
    found = label_histogram(connection, parts, ANY, model, CUTOFFS)
    east_m2, west_m2 = map(grid.rectangle_m2, parts)
    assert areas(found)["forest"] == (1, pytest.approx(west_m2, rel=EXACT))
    assert areas(found)["water"] == (1, pytest.approx(east_m2, rel=EXACT))
    assert found.asked_m2 == pytest.approx(east_m2 + west_m2, rel=EXACT)


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
    assert by_polygon.asked_m2 == pytest.approx(by_bounds.asked_m2, rel=EXACT)
    assert by_polygon.sums.tiles == by_bounds.sums.tiles
    assert areas(by_polygon)["forest"] == (
        areas(by_bounds)["forest"][0],
        pytest.approx(areas(by_bounds)["forest"][1], rel=1e-8),
    )
    both = label_histogram(connection, [grid.tile_bounds(CELL)], where, model, CUTOFFS)
    assert both.asked_m2 == pytest.approx(by_bounds.asked_m2, rel=EXACT)
    assert both.sums.covered_m2 == pytest.approx(by_bounds.sums.covered_m2, rel=1e-8)


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
        assert found.sums.covered_m2 == pytest.approx(found.asked_m2, rel=1e-7)
    halves = [
        asked_m2(WORLD, parse_area({"type": "Polygon", "coordinates": [half]}))
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
    assert found.sums.covered_m2 == pytest.approx(found.asked_m2, rel=1e-7)


@dataclass(frozen=True)
class Made:
    tiles: dict[TileIndex, int]
    acquired_at: datetime | None
    number: int


def make_layout(conn: Connection, model: ModelRecord, chance: random.Random) -> list[Made]:
    """A few overlapping scenes of several zooms, two thirds of their tiles classified."""
    scenes = []
    for number in range(chance.randint(2, 5)):
        tiles: set[TileIndex] = set()
        for zooms in chance.sample((0, 1, 2), chance.randint(1, 3)):
            cells = [c for p in children(TileIndex(6, 10, 20)) for c in children(p, zooms)]
            share = chance.choice((0.3, 0.8, 1.0))
            tiles |= {cell for cell in cells if chance.random() < share}
        if tiles:
            moment = chance.choice((None, day(1), day(2), day(3)))
            ids = add_scene(conn, f"s{number}", sorted(tiles), moment)
            scenes.append(Made(ids, moment, number))
    known = [i for made in scenes for i in made.tiles.values() if chance.random() < 0.67]
    scores = {i: [round(chance.random(), 2) for _ in LABELS] for i in known}
    add_scores(conn, model, scores)
    SCORES.clear()
    SCORES.update(scores)
    return scenes


SCORES: dict[int, list[float]] = {}
FINEST = 9


def answers(scenes: Sequence[Made], at: datetime | None = None) -> dict[TileIndex, int]:
    """The tile that answers for each of the smallest cells: the best of those it lies in."""
    best: dict[TileIndex, tuple[tuple[float, int, int], int]] = {}
    for made in scenes:
        if at is not None and made.acquired_at is not None and made.acquired_at > at:
            continue
        seconds = made.acquired_at.timestamp() if made.acquired_at else -1.0
        for tile, tile_id in made.tiles.items():
            rank = (seconds, tile.z, made.number)
            for cell in children(tile, FINEST - tile.z):
                if cell not in best or best[cell][0] < rank:
                    best[cell] = (rank, tile_id)
    return {cell: tile_id for cell, (_, tile_id) in best.items()}


def size_within(cell: TileIndex, part: Bounds) -> float:
    west, south, east, north = grid.tile_bounds(cell)
    piece = Bounds(
        max(west, part.west), max(south, part.south), min(east, part.east), min(north, part.north)
    )
    if piece.west >= piece.east or piece.south >= piece.north:
        return 0.0
    return grid.rectangle_m2(piece)


def random_part(chance: random.Random) -> Bounds:
    west, south, east, north = grid.tile_bounds(TileIndex(6, 10, 20))
    lons = sorted(chance.uniform(west, east) for _ in range(2))
    lats = sorted(chance.uniform(south, north) for _ in range(2))
    return chance.choice(
        (Bounds(lons[0], lats[0], lons[1], lats[1]), Bounds(west, south, east, north))
    )


@pytest.mark.parametrize("seed", range(12))
def test_random_scenes_each_piece_of_ground_counts_once(
    connection: Connection, model: ModelRecord, seed: int
) -> None:
    chance = random.Random(seed)
    scenes = make_layout(connection, model, chance)
    part = random_part(chance)
    for where, told in (
        (ANY, lambda _: True),
        (
            TileFilter(any_of=(LabelTerm(1, 0.4), LabelTerm(2, 0.8)), model_id=model.id),
            lambda row: row is not None and (row[0] >= 0.4 or row[1] >= 0.8),
        ),
        (TileFilter(classified=False, model_id=model.id), lambda row: row is None),
    ):
        for polygon in (False, True):
            area = outline(part) if polygon else None
            found = label_histogram(connection, [part], replace(where, within=area), model, CUTOFFS)
            here = {
                cell: tile
                for cell, tile in answers(scenes).items()
                if told(SCORES.get(tile)) and size_within(cell, part)
            }
            sizes = {cell: size_within(cell, part) for cell in here}
            near = {"rel": 1e-7, "abs": 1e-3}
            assert found.sums.covered_m2 == pytest.approx(sum(sizes.values()), **near)
            assert found.sums.classified_m2 == pytest.approx(
                sum(sizes[c] for c, tile in here.items() if tile in SCORES), **near
            )
            for place, (label, cutoff) in enumerate(zip(LABELS, CUTOFFS, strict=True)):
                mine = [c for c, t in here.items() if t in SCORES and SCORES[t][place] >= cutoff]
                assert areas(found)[label][1] == pytest.approx(sum(sizes[c] for c in mine), **near)


@pytest.mark.parametrize("seed", range(12))
def test_random_scenes_changes_of_each_piece_of_ground(
    connection: Connection, model: ModelRecord, seed: int
) -> None:
    chance = random.Random(seed)
    scenes = make_layout(connection, model, chance)
    part = random_part(chance)
    begin, end = chance.choice(((day(1), day(3)), (day(1), day(2)), (day(2), day(3))))
    found = changes_of(connection, model, [part], ANY, begin, end, first=10_000)
    before, after = answers(scenes, begin), answers(scenes, end)
    sums = dict.fromkeys(("compared", "unknown", "appeared", "vanished", "kept"), 0.0)
    pairs: dict[tuple[int, int], float] = {}
    for cell in before.keys() & after.keys():
        size = size_within(cell, part)
        was, now = SCORES.get(before[cell]), SCORES.get(after[cell])
        if not size:
            continue
        if was is None or now is None:
            sums["unknown"] += size
            continue
        sums["compared"] += size
        had, has = was[0] >= 0.5, now[0] >= 0.5
        if had != has:
            key = before[cell], after[cell]
            pairs[key] = pairs.get(key, 0.0) + size
        if had or has:
            sums["kept" if had and has else "appeared" if has else "vanished"] += size
    near = {"rel": 1e-7, "abs": 1e-3}
    assert found.compared_m2 == pytest.approx(sums["compared"], **near)
    assert found.unknown_m2 == pytest.approx(sums["unknown"], **near)
    for name in ("appeared", "vanished", "kept"):
        assert getattr(found, name).area_m2 == pytest.approx(sums[name], **near), name
    assert {(c.before_id, c.after_id): c.area_m2 for c in found.changes} == {
        pair: pytest.approx(size, **near) for pair, size in pairs.items()
    }
    assert len(found.changes) == found.appeared.tiles + found.vanished.tiles
    steps = [abs(c.score_after - c.score_before) for c in found.changes]
    assert steps == sorted(steps, reverse=True)


def changes_of(
    conn: Connection,
    model: ModelRecord,
    parts: Sequence[Bounds],
    where: TileFilter,
    *moments: datetime,
    column: int = 1,
    first: int = 100,
) -> Changes:
    begin, end = moments
    return label_changes(
        conn, parts, where, model, column=column, cutoff=0.5, begin=begin, end=end, first=first
    )


def test_changes_between_two_dates(connection: Connection, model: ModelRecord) -> None:
    tiles = children(CELL)
    old = add_scene(connection, "old", tiles, day(1))
    new = add_scene(connection, "new", tiles[:3], day(5))
    had, has = (0.9, 0.2, 0.2, 0.8), (0.1, 0.7, 0.3)
    add_scores(connection, model, {i: (s, 0, 0) for i, s in zip(old.values(), had, strict=True)})
    add_scores(connection, model, {i: (s, 0, 0) for i, s in zip(new.values(), has, strict=True)})
    sizes = [grid.area_m2(tile) for tile in tiles]
    with statements(connection) as seen:
        found = changes_of(connection, model, WORLD, ANY, day(1), day(5))
    assert len(seen) == 2
    assert (found.vanished.tiles, found.appeared.tiles, found.kept.tiles) == (1, 1, 1)
    assert found.vanished.area_m2 == pytest.approx(sizes[0], rel=EXACT)
    assert found.appeared.area_m2 == pytest.approx(sizes[1], rel=EXACT)
    assert found.kept.area_m2 == pytest.approx(sizes[3], rel=EXACT)
    assert found.compared_m2 == pytest.approx(sum(sizes), rel=EXACT)
    assert found.unknown_m2 == 0
    gone, come = found.changes
    assert (gone.before_id, gone.after_id) == (old[tiles[0]], new[tiles[0]])
    assert (gone.score_before, gone.score_after) == (0.9, 0.1)
    assert (come.before_id, come.after_id) == (old[tiles[1]], new[tiles[1]])
    assert changes_of(connection, model, WORLD, ANY, day(1), day(5), first=1).changes == (gone,)
    still = changes_of(connection, model, WORLD, ANY, day(2), day(4))
    assert (still.appeared.tiles, still.vanished.tiles, still.changes) == (0, 0, ())
    assert changes_of(connection, model, WORLD, ANY, day(1), day(1), first=0).compared_m2 > 0


def test_conditions_must_hold_at_both_moments(connection: Connection, model: ModelRecord) -> None:
    tiles = children(CELL)
    old = add_scene(connection, "old", tiles, day(1))
    new = add_scene(connection, "new", tiles, day(5))
    water = {old[tiles[0]], new[tiles[1]]}
    for ids, score in ((old, 0.9), (new, 0.1)):
        rows = {i: (score, 0.9 if i in water else 0.0, 0) for i in ids.values()}
        add_scores(connection, model, rows)
    dry = TileFilter(none_of=(LabelTerm(2, 0.5),), model_id=model.id)
    found = changes_of(connection, model, WORLD, dry, day(1), day(5))
    assert {c.before_id for c in found.changes} == {old[tiles[2]], old[tiles[3]]}
    assert found.vanished.tiles == 2


def test_changes_are_those_of_the_truth(connection: Connection) -> None:
    """What a model that is always right would see of the demo's landscape at its two dates."""
    model = add_model(connection, "truth", LANDSCAPE_LABELS, 0.5)
    corner = TileIndex(15, 11382, 16661)
    truths = [render_scene(2, size=1024, tile=128, date=date).truth for date in (0, 1)]
    for date, truth in enumerate(truths):
        cells = {
            TileIndex(15, corner.x + c, corner.y + r): named for (r, c), named in truth.items()
        }
        ids = add_scene(connection, f"date {date}", cells, day(1 + date))
        add_scores(
            connection,
            model,
            {
                ids[cell]: [float(of in named) for of in LANDSCAPE_LABELS]
                for cell, named in cells.items()
            },
        )
    first, second = truths
    for column, label in enumerate(LANDSCAPE_LABELS, start=1):
        found = changes_of(connection, model, WORLD, ANY, day(1), day(2), column=column, first=1000)
        appeared = sum(label in second[at] and label not in first[at] for at in first)
        vanished = sum(label in first[at] and label not in second[at] for at in first)
        assert (found.appeared.tiles, found.vanished.tiles) == (appeared, vanished), label
        assert found.kept.tiles == sum(label in first[at] & second[at] for at in first)
        assert len(found.changes) == appeared + vanished
    burnt = [at for at in first if "slash_burn" in second[at] - first[at]]
    assert burnt  # the second date does have clearings to find


def test_a_timeline_is_a_histogram_of_each_period(
    connection: Connection, model: ModelRecord
) -> None:
    tiles = children(CELL)
    moments = [
        datetime(2023, 12, 31, 23, 59, tzinfo=UTC),
        datetime(2024, 1, 1, 0, 0, tzinfo=UTC),
        datetime(2024, 1, 20, 12, tzinfo=UTC),
        datetime(2024, 4, 1, 0, 0, tzinfo=UTC),
    ]
    for number, moment in enumerate(moments):
        ids = add_scene(connection, f"s{number}", tiles[: 4 - number], moment)
        add_scores(connection, model, dict.fromkeys(ids.values(), (0.2 + number / 4, 0.9, 0.1)))
    undated = add_scene(connection, "undated", tiles)
    add_scores(connection, model, dict.fromkeys(undated.values(), (1, 1, 1)))
    with statements(connection) as seen:
        found = label_timeline(connection, WORLD, ANY, model, CUTOFFS, interval=Interval.MONTH)
    assert len(seen) == 3
    assert [(p.begins, p.ends) for p in found.periods] == [
        (datetime(2023, 12, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)),
        (datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 5, 1, tzinfo=UTC)),
    ]
    # In January the third tile is of the 1st, the first two are of the 20th.
    assert [p.sums.tiles for p in found.periods] == [4, 3, 1]
    assert [p.sums.labels[0].tiles for p in found.periods] == [0, 2, 1]
    assert [p.sums.labels[2].tiles for p in found.periods] == [0, 0, 0]
    for period in found.periods:
        where = TileFilter(acquired_from=period.begins, acquired_to=period.ends)
        assert period.sums == label_histogram(connection, WORLD, where, model, CUTOFFS).sums
    counts = {
        interval: [
            period.sums.tiles
            for period in label_timeline(
                connection, WORLD, ANY, model, CUTOFFS, interval=interval
            ).periods
        ]
        for interval in Interval
    }
    assert counts == {
        Interval.DAY: [4, 3, 2, 1],
        Interval.WEEK: [4, 3, 2, 1],  # 31 December 2023 was a Sunday
        Interval.MONTH: [4, 3, 1],
        Interval.QUARTER: [4, 3, 1],
        Interval.YEAR: [4, 3],
    }
    cut = TileFilter(acquired_from=day(10), acquired_to=datetime(2024, 1, 25, tzinfo=UTC))
    (only,) = label_timeline(connection, WORLD, cut, model, CUTOFFS, interval=Interval.YEAR).periods
    assert (only.begins, only.ends, only.sums.tiles) == (cut.acquired_from, cut.acquired_to, 2)


@pytest.mark.parametrize("seed", range(4))
def test_random_scenes_in_time(connection: Connection, model: ModelRecord, seed: int) -> None:
    chance = random.Random(seed)
    make_layout(connection, model, chance)
    part = random_part(chance)
    where = TileFilter(none_of=(LabelTerm(3, 0.8),), model_id=model.id)
    for asked in (ANY, where):
        found = label_timeline(connection, [part], asked, model, CUTOFFS, interval=Interval.DAY)
        for period in found.periods:
            span = replace(asked, acquired_from=period.begins, acquired_to=period.ends)
            alone = label_histogram(connection, [part], span, model, CUTOFFS).sums
            assert period.sums.tiles == alone.tiles
            assert period.sums.covered_m2 == pytest.approx(alone.covered_m2, rel=1e-9, abs=1e-3)
            assert [of.area_m2 for of in period.sums.labels] == pytest.approx(
                [of.area_m2 for of in alone.labels], rel=1e-9, abs=1e-3
            )


def test_two_models_compared(connection: Connection, model: ModelRecord) -> None:
    other = add_model(connection, "other", ("ice", "town", "forest"), 0.5)
    tiles = children(CELL)
    ids = list(add_scene(connection, "one", tiles).values())
    add_scores(
        connection,
        model,
        dict(zip(ids[:3], [(0.9, 0, 0.2), (0.1, 0, 0.6), (0.7, 1, 0.4)], strict=True)),
    )
    add_scores(
        connection,
        other,
        dict(zip(ids[1:], [(1, 0.1, 0.8), (0, 0.5, 0.6), (0, 0, 0)], strict=True)),
    )
    with statements(connection) as seen:
        found = model_comparison(
            connection, WORLD, ANY, (model, other), (CUTOFFS, (0.5, 0.5, 0.5)), first=10
        )
    assert len(seen) == 2
    assert (found.tiles, found.tiles_only_a, found.tiles_only_b) == (2, 1, 1)
    assert found.compared_m2 == pytest.approx(sum(map(grid.area_m2, tiles[1:3])), rel=EXACT)
    forest, town = found.labels
    assert (forest.label, forest.cutoff_a, forest.cutoff_b) == ("forest", 0.5, 0.5)
    assert (forest.both, forest.only_a, forest.only_b, forest.neither) == (1, 0, 1, 0)
    assert forest.mean_difference == pytest.approx((0.7 - 0.1) / 2, rel=1e-6)
    assert forest.mean_distance == pytest.approx((0.7 + 0.1) / 2, rel=1e-6)
    assert (town.both, town.only_a, town.only_b, town.neither) == (0, 0, 1, 1)
    assert town.mean_difference == pytest.approx((-0.5 + 0.1) / 2, rel=1e-6)
    worst, better = found.most_different
    assert (worst.tile_id, better.tile_id) == (ids[1], ids[2])
    assert worst.distance == pytest.approx((0.7 + 0.5) / 2, rel=1e-6)
    assert (worst.only_a, worst.only_b) == ((), ("forest",))
    assert (better.only_a, better.only_b) == ((), ("town",))
    alone = model_comparison(
        connection, WORLD, TileFilter(scene="one"), (model, model), (CUTOFFS, CUTOFFS), first=0
    )
    assert [of.only_a + of.only_b for of in alone.labels] == [0, 0, 0]
    assert [of.mean_distance for of in alone.labels] == [0, 0, 0]
    assert alone.most_different == ()
    strange = add_model(connection, "strange", ("snow",), 0.5)
    with pytest.raises(BadInputError, match="no label in common"):
        model_comparison(connection, WORLD, ANY, (model, strange), (CUTOFFS, (0.5,)), first=1)


def test_too_much_work_is_refused(
    connection: Connection, model: ModelRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_scene(connection, "one", children(CELL, 2), day(1))
    add_scene(connection, "two", children(CELL, 2), datetime(2024, 2, 1, tzinfo=UTC))
    monkeypatch.setattr(surveys, "MOST_TILES", 31)
    with statements(connection) as seen, pytest.raises(AreaTooLargeError, match="more than 31"):
        label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    assert len(seen) == 2
    one_scene = label_histogram(connection, WORLD, TileFilter(scene="one"), model, CUTOFFS)
    assert one_scene.sums.tiles == 16
    part = inside(CELL)
    assert label_histogram(connection, [part], TileFilter(at=day(9)), model, CUTOFFS).sums.tiles
    monkeypatch.setattr(surveys, "MOST_TILES", 32)
    with statements(connection) as seen:
        assert label_histogram(connection, WORLD, ANY, model, CUTOFFS).sums.tiles == 16
    assert len(seen) == 3  # the rectangles around the scenes left it open
    monkeypatch.setattr(surveys, "MOST_COMPARISONS", 63)
    with pytest.raises(AreaTooLargeError, match="32 tiles of 2 scenes"):
        label_histogram(connection, WORLD, ANY, model, CUTOFFS)
    monkeypatch.setattr(surveys, "MOST_COMPARISONS", 64)
    for name, limit in (("MOST_PERIODS", 1), ("MOST_LOOKS", 63)):
        with monkeypatch.context() as patch:
            patch.setattr(timelines, name, limit)
            with pytest.raises(AreaTooLargeError, match="2 periods of up to 32 tiles"):
                label_timeline(connection, WORLD, ANY, model, CUTOFFS, interval=Interval.MONTH)
            yearly = label_timeline(connection, WORLD, ANY, model, CUTOFFS, interval=Interval.YEAR)
            assert len(yearly.periods) == 1


def test_a_rectangle_of_the_world_and_one_around_it(connection: Connection) -> None:
    west, south, east, north = grid.tile_bounds(CELL)
    cells = children(CELL, 2)
    assert around(map(grid.tile_bounds, cells)) == pytest.approx((west, south, east, north))
    assert sum(map(grid.area_m2, cells)) == pytest.approx(grid.area_m2(CELL), rel=EXACT)
    assert asked_m2(WORLD, None) == pytest.approx(510_065_621_724_078, rel=1e-9)
    quarters = [[-180, -90], [0, -90], [180, -90], [180, 90], [0, 90], [-180, 90], [-180, -90]]
    whole = parse_area({"type": "Polygon", "coordinates": [quarters]})
    assert asked_m2(WORLD, whole) == pytest.approx(asked_m2(WORLD, None), rel=EXACT)
