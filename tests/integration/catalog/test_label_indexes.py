"""Indexes per label: made with the models, and where lists by label start from."""

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from support.pixel_classifier import PIXEL_IDENTITY
from support.statement_plans import plans, reads_all_of, steps
from support.tile_square import insert_square, window

from earthgql.catalog.label_indexes import LOWEST_INDEXED, MOST_COLUMNS, make_label_indexes
from earthgql.catalog.models import register_model
from earthgql.catalog.tiles.areas import parse_area
from earthgql.catalog.tiles.columns import columns_in_bounds, count_in_bounds
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.catalog.tiles.lookup import tiles_in_bounds
from earthgql.catalog.tiles.order import Position, TileOrder
from earthgql.database import migrate
from earthgql.imagery import grid
from earthgql.models.protocol import ModelIdentity

WORLD = grid.bounds(-180, -90, 180, 90)
IDENTITY = ModelIdentity("label indexes", "1", ("rare", "common"), (0.5,) * 2, "label indexes")
# One tile in a hundred has the rare label; scores of both differ from tile to tile.
SCORES = """
INSERT INTO tile_score (tile_id, model_id, scores)
SELECT id, :model, ARRAY[(id * 7919 % 22501 / 22501.0) ^ 5, id * 104729 % 22501 / 22501.0]::real[]
  FROM tile
"""
DEFINITIONS = """
SELECT indexdef FROM pg_indexes WHERE indexname LIKE 'tile\\_score\\_label\\_%'
 UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
            WHERE stxname LIKE 'tile\\_score\\_label\\_%'
"""


def label_indexes(conn: Connection) -> list[str]:
    names = conn.scalars(
        text("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'tile_score_label%'")
    )
    return sorted(names, key=lambda name: int(name.split("_")[3]))


def definitions(conn: Connection) -> list[str]:
    """What makes the indexes of labels, and their statistics."""
    return sorted(conn.scalars(text(DEFINITIONS)))


def names(columns: Sequence[int]) -> list[str]:
    return [f"tile_score_label_{column}_idx" for column in columns]


def test_registering_a_model_makes_them(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as conn:
        assert label_indexes(conn) == []
        register_model(conn, IDENTITY)
        assert label_indexes(conn) == names([1, 2])
        register_model(conn, PIXEL_IDENTITY)
        assert label_indexes(conn) == names(range(1, 18))
        register_model(conn, replace(PIXEL_IDENTITY, version="2", sha256="2"))
        assert label_indexes(conn) == names(range(1, 18))
    assert migrate.check(fresh_engine) == []


def test_a_model_of_very_many_labels_gets_some(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as conn:
        make_label_indexes(conn, 1000)
        assert label_indexes(conn) == names(range(1, MOST_COLUMNS + 1))


def test_two_who_register_at_once(fresh_engine: Engine) -> None:
    both = threading.Barrier(2)
    failed: list[Exception] = []

    def register(identity: ModelIdentity) -> None:
        try:
            both.wait(30)
            with fresh_engine.begin() as conn:
                register_model(conn, identity)
        except Exception as error:  # shown by the assertion
            failed.append(error)

    threads = [
        threading.Thread(target=register, args=(identity,))
        for identity in (PIXEL_IDENTITY, IDENTITY)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with fresh_engine.connect() as conn:
        assert label_indexes(conn) == names(range(1, 18))


def test_migrating_makes_them_for_the_models_there_are(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as conn:
        register_model(conn, IDENTITY)
    migrate.downgrade(fresh_engine, "0002")
    with fresh_engine.connect() as conn:
        assert label_indexes(conn) == []
    migrate.upgrade(fresh_engine)
    with fresh_engine.connect() as conn:
        assert label_indexes(conn) == names([1, 2])
    assert migrate.check(fresh_engine) == []


def test_migrating_makes_the_same_as_registering(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as conn:
        register_model(conn, PIXEL_IDENTITY)
        made = definitions(conn)
    assert len(made) == 2 * 17
    migrate.downgrade(fresh_engine, "0004")
    with fresh_engine.connect() as conn:
        before = definitions(conn)
    assert len(before) == 17
    assert not set(before) & set(made)
    migrate.upgrade(fresh_engine)
    with fresh_engine.connect() as conn:
        assert definitions(conn) == made


@pytest.fixture(scope="module")
def model(module_engine: Engine) -> int:
    """A model, 22,500 tiles, and scores of all of them, which PostgreSQL has looked at."""
    with module_engine.begin() as conn:
        insert_square(conn)
        model_id = register_model(conn, IDENTITY)
        conn.execute(text(SCORES), {"model": model_id})
        conn.execute(text("ANALYZE"))
    return model_id


def scores_of(conn: Connection, column: int) -> dict[int, float]:
    found = conn.execute(
        text("SELECT tile_id, scores[:column] FROM tile_score"), {"column": column}
    )
    return {row[0]: row[1] for row in found}


def test_few_tiles_with_a_label_are_found_by_it(module_engine: Engine, model: int) -> None:
    where = TileFilter(all_of=(LabelTerm(1, 0.99),), model_id=model)
    with module_engine.connect() as conn:
        with plans(conn) as found:
            tiles = tiles_in_bounds(conn, WORLD, where, limit=1000)
            assert count_in_bounds(conn, WORLD, where) == len(tiles)
        wanted = [tile for tile, score in scores_of(conn, 1).items() if score >= 0.99]
    assert [tile.id for tile in tiles] == sorted(wanted)
    assert 40 < len(tiles) < 50
    for plan in found:
        assert "tile_score_label_1_idx" in plan
        assert not reads_all_of(plan, "tile"), plan
        assert not reads_all_of(plan, "tile_score"), plan


def test_any_of_several_labels_is_found_by_their_indexes(module_engine: Engine, model: int) -> None:
    terms = (LabelTerm(1, 0.98), LabelTerm(2, 0.995))
    where = TileFilter(any_of=terms, model_id=model)
    with module_engine.connect() as conn, plans(conn) as found:
        tiles = tiles_in_bounds(conn, WORLD, where, limit=1000)
    assert 150 < len(tiles) < 250
    assert "tile_score_label_1_idx" in found[0]
    assert "tile_score_label_2_idx" in found[0]


def test_a_small_viewport_is_looked_at_first(module_engine: Engine, model: int) -> None:
    where = TileFilter(all_of=(LabelTerm(2, 0.5),), model_id=model)
    with module_engine.connect() as conn:
        with plans(conn) as found:
            tiles = tiles_in_bounds(conn, [window(10, 10)], where, limit=1000)
            every = tiles_in_bounds(conn, [window(10, 10)], TileFilter(), limit=1000)
        scores = scores_of(conn, 2)
    assert [tile.id for tile in tiles] == [t.id for t in every if scores[t.id] >= 0.5]
    assert len(every) == 100
    assert "tile_footprint_idx" in found[0]
    assert "tile_score_label" not in found[0]


def test_a_small_polygon_is_looked_at_first(module_engine: Engine, model: int) -> None:
    west, south, east, north = window(10, 10)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    area = parse_area({"type": "Polygon", "coordinates": [ring]})
    with module_engine.connect() as conn, plans(conn) as found:
        tiles = tiles_in_bounds(conn, WORLD, TileFilter(within=area), limit=1000)
    assert len(tiles) == 100
    assert "tile_footprint_idx" in found[0]


def test_the_highest_scores_are_read_off_the_index(module_engine: Engine, model: int) -> None:
    where, order = TileFilter(model_id=model), TileOrder("label", True, 2)
    with module_engine.connect() as conn:
        with plans(conn, analyze=True) as found:
            tiles = tiles_in_bounds(conn, WORLD, where, limit=20, order=order)
            here = Position(tiles[9].id, tiles[9].key)
            rest = tiles_in_bounds(conn, WORLD, where, limit=10, order=order, after=here)
            front = tiles_in_bounds(
                conn, WORLD, where, limit=5, order=order, before=here, backward=True
            )
        scores = scores_of(conn, 2)
    highest = sorted(scores, key=lambda tile: (scores[tile], tile), reverse=True)
    assert [tile.id for tile in tiles] == highest[:20]
    assert [tile.key for tile in tiles] == [scores[tile] for tile in highest[:20]]
    assert rest == tiles[10:]
    assert front == tiles[4:9]
    for plan in found:
        first, *lower = parts_of(plan)
        assert "tile_score_label_2_idx" in json.dumps(first)
        assert '"Sort"' not in json.dumps(first)
        # Scores that the index does not hold would be sorted, and are not looked at.
        assert all(part["Actual Loops"] == 0 for part in lower)
    assert [len(parts_of(plan)) for plan in found] == [2, 2, 1]


def parts_of(plan: str) -> list[dict[str, Any]]:
    """The parts that a list is read in."""
    found = list(steps(json.loads(plan)))
    appended = [step["Plans"] for step in found if step["Node Type"] == "Append"]
    return appended[0] if appended else found[:1]


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("cutoff", [None, 0.01, LOWEST_INDEXED, 0.3])
def test_lists_go_on_with_scores_that_the_index_does_not_hold(
    module_engine: Engine, model: int, descending: bool, cutoff: float | None
) -> None:
    terms = () if cutoff is None else (LabelTerm(1, cutoff),)
    where = TileFilter(model_id=model, all_of=terms)
    order = TileOrder("label", descending, 1)
    here = [window(10, 10)]
    with module_engine.connect() as conn:
        scores = scores_of(conn, 1)
        every = [tile.id for tile in tiles_in_bounds(conn, here, TileFilter(), limit=1000)]
        wanted = [tile for tile in every if scores[tile] >= (cutoff or 0)]
        wanted.sort(key=lambda tile: (scores[tile], tile), reverse=descending)

        def listed(**page: Any) -> list[int]:
            tiles = tiles_in_bounds(conn, here, where, limit=7, order=order, **page)
            return [tile.id for tile in tiles]

        columns = columns_in_bounds(
            conn, here, where, model_id=model, labels=2, limit=1000, order=order
        )
        assert columns.ids == wanted
        assert columns.keys == [scores[tile] for tile in wanted]
        places = [Position(tile, scores[tile]) for tile in wanted]
        for rank, place in list(enumerate(places))[::9]:
            assert listed(after=place) == wanted[rank + 1 : rank + 8]
            assert listed(before=place) == wanted[:rank][:7]
            assert listed(before=place, backward=True) == wanted[:rank][-7:]
            assert listed(after=place, backward=True) == wanted[rank + 1 :][-7:]
    low = [tile for tile in wanted if scores[tile] < LOWEST_INDEXED]
    assert len(low) > 5 if cutoff is None or cutoff < LOWEST_INDEXED else not low
    assert 10 < len(wanted) - len(low) < 90
