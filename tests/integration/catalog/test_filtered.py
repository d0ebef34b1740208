"""Lists of tiles by conditions and in orders, against the rules spelled out in Python."""

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from shapely import box, from_wkt
from sqlalchemy import Connection, event, text
from support.overlap_rule import CELL, WORLD, Made, add_scene, children, day, expected, middle

from earthgql.catalog.models import register_model
from earthgql.catalog.tiles.areas import parse_area
from earthgql.catalog.tiles.columns import columns_in_bounds, count_in_bounds
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.catalog.tiles.lookup import TileRecord, tiles_at, tiles_in_bounds
from earthgql.catalog.tiles.order import Position, TileOrder
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex
from earthgql.models.protocol import ModelIdentity

IDENTITY = ModelIdentity("filtered", "1", ("a", "b", "c"), (0.5,) * 3, "filtered")
OTHER = ModelIdentity("filtered", "2", ("a", "b"), (0.5,) * 2, "filtered 2")
Scores = Mapping[int, tuple[float, ...]]


def add_scores(conn: Connection, model: int, scores: Scores) -> None:
    conn.execute(
        text("INSERT INTO tile_score (tile_id, model_id, scores) VALUES (:tile, :model, :scores)"),
        [{"tile": t, "model": model, "scores": list(row)} for t, row in scores.items()],
    )


def listed(conn: Connection, where: TileFilter, **page: Any) -> list[TileRecord]:
    return tiles_in_bounds(conn, WORLD, where, **{"limit": 10_000, **page})


def polygon(part: Bounds) -> dict[str, Any]:
    west, south, east, north = part
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@dataclass
class Place:
    """Tiles that show, by id, and what is known of them."""

    conn: Connection
    model: int
    tiles: dict[int, TileRecord]
    scores: dict[int, tuple[float, ...]]
    acquired: dict[int, datetime | None]

    def ids(self, where: TileFilter, **page: Any) -> list[int]:
        return [tile.id for tile in listed(self.conn, where, **page)]

    def sorted(self, tile_ids: set[int], order: TileOrder) -> list[int]:
        def key(tile_id: int) -> tuple[Any, ...]:
            if order.by == "label":
                assert order.column is not None
                return (self.scores[tile_id][order.column - 1], tile_id)
            if order.by == "acquired":
                moment = self.acquired[tile_id]
                return (moment.timestamp() if moment else -1.0, tile_id)
            return (tile_id,)

        return sorted(tile_ids, key=key, reverse=order.descending)


def make_place(conn: Connection, chance: random.Random) -> Place:
    scenes = []
    for number in range(3):
        cells = children(CELL, chance.choice((2, 3)))
        tiles = [cell for cell in cells if chance.random() < 0.7]
        moment = (None, day(1), day(2))[number]
        scenes.append(Made(add_scene(conn, f"s{number}", tiles, moment), frozenset(tiles), moment))
    model, other = register_model(conn, IDENTITY), register_model(conn, OTHER)
    every = {row.id: row for row in conn.execute(text("SELECT id, scene_id, z, x, y FROM tile"))}
    scores = {
        tile_id: tuple(chance.randrange(11) / 10 for _ in range(3))
        for tile_id in every
        if chance.random() < 0.8
    }
    add_scores(conn, model, scores)
    add_scores(conn, other, dict.fromkeys(every, (0.95, 0.95)))
    shown = expected(scenes)
    tiles = {
        row.id: TileRecord(row.id, row.scene_id, TileIndex(row.z, row.x, row.y))
        for row in every.values()
        if (row.scene_id, TileIndex(row.z, row.x, row.y)) in shown
    }
    moments = {scene.id: scene.acquired_at for scene in scenes}
    acquired = {tile.id: moments[tile.scene_id] for tile in tiles.values()}
    return Place(conn, model, tiles, scores, acquired)


def counts(scores: tuple[float, ...], term: LabelTerm) -> bool:
    return scores[term.column - 1] >= term.cutoff


def meets(place: Place, where: TileFilter, tile_id: int) -> bool:
    if where.within is not None:
        cell = box(*grid.tile_bounds(place.tiles[tile_id].index))
        if from_wkt(where.within.wkt).intersection(cell).area == 0:
            return False
    scores = place.scores.get(tile_id)
    if where.classified is not None and where.classified != (scores is not None):
        return False
    if not (where.all_of or where.any_of or where.none_of):
        return True
    return (
        scores is not None
        and all(counts(scores, term) for term in where.all_of)
        and (not where.any_of or any(counts(scores, term) for term in where.any_of))
        and not any(counts(scores, term) for term in where.none_of)
    )


def random_filter(place: Place, chance: random.Random) -> TileFilter:
    def terms() -> tuple[LabelTerm, ...]:
        some = chance.sample((1, 2, 3), chance.choice((0, 0, 1, 2)))
        return tuple(LabelTerm(column, chance.randrange(11) / 10) for column in sorted(some))

    area = None
    if chance.random() < 0.4:
        corners = [middle(chance.choice([*place.tiles.values()]).index) for _ in range(2)]
        lons, lats = sorted({c.lon for c in corners}), sorted({c.lat for c in corners})
        if len(lons) == len(lats) == 2:
            area = parse_area(polygon(Bounds(lons[0], lats[0], lons[1], lats[1])))
    labels = (terms(), terms(), terms())
    classified = None if any(labels) else chance.choice((None, True, False))
    return TileFilter(
        within=area,
        classified=classified,
        all_of=labels[0],
        any_of=labels[1],
        none_of=labels[2],
        model_id=place.model,
    )


ORDERS = [
    TileOrder(by, descending, 2 if by == "label" else None)
    for by, descending in itertools.product(("id", "acquired", "label"), (False, True))
]


@pytest.mark.parametrize("seed", range(12))
def test_random_conditions_in_every_order_page_by_page_both_ways(
    connection: Connection, seed: int
) -> None:
    chance = random.Random(seed)
    place = make_place(connection, chance)
    for _ in range(6):
        where = random_filter(place, chance)
        matching = {tile_id for tile_id in place.tiles if meets(place, where, tile_id)}
        assert count_in_bounds(connection, WORLD, where) == len(matching)
        for order in ORDERS:
            left = {i for i in matching if order.by != "label" or i in place.scores}
            whole = place.sorted(left, order)
            assert place.ids(where, order=order) == whole
            assert place.ids(where, order=order, limit=3) == whole[:3]
            assert place.ids(where, order=order, limit=3, backward=True) == whole[-3:]
            if len(whole) >= 4:
                check_pages(place, where, order, whole)


def check_pages(place: Place, where: TileFilter, order: TileOrder, whole: list[int]) -> None:
    records = listed(place.conn, where, order=order)
    one, other = records[1].position, records[-2].position
    assert place.ids(where, order=order, after=one) == whole[2:]
    assert place.ids(where, order=order, before=other) == whole[:-2]
    assert place.ids(where, order=order, after=one, before=other) == whole[2:-2]
    assert place.ids(where, order=order, before=other, backward=True, limit=1) == whole[-3:-2]
    assert place.ids(where, order=order, after=one, backward=True, limit=2) == whole[2:][-2:]
    columns = columns_in_bounds(
        place.conn,
        WORLD,
        where,
        model_id=place.model,
        labels=3,
        limit=2,
        before=other,
        order=order,
        backward=True,
    )
    assert columns.ids == whole[:-2][-2:]
    assert [columns.position(row) for row in range(2)] == [
        record.position for record in records[:-2][-2:]
    ]
    for tile_id, row in zip(columns.ids, columns.scores.tolist(), strict=True):
        assert row == pytest.approx(place.scores.get(tile_id, (-1, -1, -1)))


def test_what_a_better_tile_hides_stays_hidden_whatever_its_scores(connection: Connection) -> None:
    old = add_scene(connection, "old", [CELL], day(1))
    new = add_scene(connection, "new", [CELL], day(2))
    model = register_model(connection, IDENTITY)
    tiles = {row.scene_id: row.id for row in connection.execute(text("SELECT * FROM tile"))}
    add_scores(connection, model, {tiles[old]: (0.9, 0, 0), tiles[new]: (0.1, 0, 0)})
    high = TileFilter(all_of=(LabelTerm(1, 0.5),), model_id=model)
    assert listed(connection, high) == []
    # What chooses among overlapping tiles comes first, so that the old one comes to light.
    for where in (
        replace(high, at=day(1)),
        replace(high, scene="old"),
        replace(high, acquired_to=day(2)),
    ):
        assert [tile.id for tile in listed(connection, where)] == [tiles[old]]


@pytest.mark.parametrize(
    ("begin", "end", "name"),
    [
        (None, None, "c"),
        (day(1), None, "c"),
        (day(1), day(3), "b"),
        (None, day(2), "a"),
        (day(2), day(3), "b"),
        (day(4), None, None),
        (None, day(1), None),
    ],
)
def test_acquired_in_a_span(
    connection: Connection, begin: datetime | None, end: datetime | None, name: str | None
) -> None:
    ids = {n: add_scene(connection, n, [CELL], day(i + 1)) for i, n in enumerate("abc")}
    add_scene(connection, "undated", [CELL])
    where = TileFilter(acquired_from=begin, acquired_to=end)
    wanted = [] if name is None else [ids[name]]
    assert [tile.scene_id for tile in listed(connection, where)] == wanted
    (at,) = tiles_at(connection, [middle(CELL)], where)
    assert ([] if at is None else [at.scene_id]) == wanted


def test_a_polygon_along_the_edges_of_tiles_takes_in_no_neighbour(connection: Connection) -> None:
    cells = children(CELL, 3)
    add_scene(connection, "a", cells)
    for cell in cells[9:12]:
        where = TileFilter(within=parse_area(polygon(grid.tile_bounds(cell))))
        assert [tile.index for tile in listed(connection, where)] == [cell]


def test_a_hole_leaves_out_what_lies_in_it(connection: Connection) -> None:
    cells = children(CELL, 2)
    add_scene(connection, "a", cells)
    inner = [cell for cell in cells if cell.x % 4 in (1, 2) and cell.y % 4 in (1, 2)]
    outer = grid.tile_bounds(CELL)
    hole = Bounds(
        grid.tile_bounds(min(inner)).west,
        min(grid.tile_bounds(cell).south for cell in inner),
        grid.tile_bounds(max(inner)).east,
        max(grid.tile_bounds(cell).north for cell in inner),
    )
    rings = [polygon(part)["coordinates"][0] for part in (outer, hole)]
    where = TileFilter(within=parse_area({"type": "Polygon", "coordinates": rings}))
    assert {tile.index for tile in listed(connection, where)} == set(cells) - set(inner)


def test_a_polygon_over_the_antimeridian(connection: Connection) -> None:
    last = (1 << 8) - 1
    cells = [TileIndex(8, x, 100) for x in (0, 1, 50, last - 1, last)]
    add_scene(connection, "a", cells)
    _, south, _, north = grid.tile_bounds(cells[0])
    where = TileFilter(within=parse_area(polygon(Bounds(179, south, 181, north))))
    assert where.within is not None
    found = tiles_in_bounds(connection, where.within.parts, where, limit=10)
    assert [tile.index.x for tile in found] == [0, last]


def test_pages_stay_as_they_are_while_tiles_are_added(connection: Connection) -> None:
    cells = children(CELL, 2)
    add_scene(connection, "a", cells[:10], day(2))
    model = register_model(connection, IDENTITY)
    first = [tile.id for tile in listed(connection, TileFilter())]
    add_scores(connection, model, {t: (i % 3 / 2, 0, 0) for i, t in enumerate(first)})
    where = TileFilter(model_id=model)
    wholes = {
        order: [tile.id for tile in listed(connection, where, order=order)]
        for order in (TileOrder(), TileOrder("acquired", True), TileOrder("label", True, 1))
    }
    halves = {
        order: listed(connection, where, order=order, limit=5)[-1].position for order in wholes
    }
    add_scene(connection, "b", cells[10:], day(1))
    later = {tile.id for tile in listed(connection, TileFilter())} - set(first)
    add_scores(connection, model, dict.fromkeys(later, (0.25, 0, 0)))
    for order, whole in wholes.items():
        before = [t.id for t in listed(connection, where, order=order, before=halves[order])]
        after = [t.id for t in listed(connection, where, order=order, after=halves[order])]
        assert [t for t in before if t not in later] == whole[:4]
        assert [t for t in after if t not in later] == whole[5:]
        assert len(before) + len(after) == len(cells) - 1


def test_one_statement_each(connection: Connection) -> None:
    add_scene(connection, "a", [CELL])
    model = register_model(connection, IDENTITY)
    where = TileFilter(
        within=parse_area(polygon(grid.tile_bounds(CELL))),
        all_of=(LabelTerm(1, 0.5),),
        none_of=(LabelTerm(2, 0.5),),
        model_id=model,
    )
    seen: list[str] = []
    event.listen(
        connection, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement)
    )
    assert listed(connection, where, order=TileOrder("label", True, 1)) == []
    assert listed(connection, where, after=Position(5), backward=True) == []
    assert count_in_bounds(connection, WORLD, where) == 0
    assert len(seen) == 3


def test_times_come_back_with_a_zone(connection: Connection) -> None:
    add_scene(connection, "a", [CELL], day(3))
    add_scene(connection, "b", [TileIndex(10, 301, 400)])
    keys = [tile.key for tile in listed(connection, TileFilter(), order=TileOrder("acquired"))]
    assert keys == [None, datetime(2024, 1, 3, tzinfo=UTC)]
