"""How PostgreSQL goes about the look-ups that every request makes."""

import numpy as np
import pytest
from sqlalchemy import Connection, Engine, text
from support.statement_plans import plans, reads_all_of
from support.tile_square import insert_square, window

from earthgql.catalog.models import register_model
from earthgql.catalog.scores import find_scores
from earthgql.catalog.tiles.columns import NO_SCORE, columns_in_bounds, count_in_bounds
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.catalog.tiles.lookup import tiles_at, tiles_in_bounds
from earthgql.errors import BadInputError
from earthgql.imagery.grid import Bounds, LonLat, TileIndex
from earthgql.models.labels import PLANET_LABELS
from earthgql.models.protocol import ModelIdentity

LABELS = len(PLANET_LABELS)
IDENTITY = ModelIdentity("plans", "1", PLANET_LABELS, (0.5,) * LABELS, "plans")


@pytest.fixture(scope="module")
def model(module_engine: Engine) -> int:
    """A model, 22,500 tiles, and scores of all of them."""
    with module_engine.begin() as conn:
        insert_square(conn)
        model_id = register_model(conn, IDENTITY)
        conn.execute(
            text(
                "INSERT INTO tile_score (tile_id, model_id, scores) SELECT id, :model, "
                "array_fill((id % 100 / 100.0)::real, ARRAY[:labels]) FROM tile"
            ),
            {"model": model_id, "labels": LABELS},
        )
    # Nothing is analyzed: scores that were just stored must be found quickly, too.
    return model_id


def test_look_ups_use_the_indexes(module_engine: Engine, model: int) -> None:
    view, where = [window(25, 20)], TileFilter()
    middle = LonLat((view[0].west + view[0].east) / 2, (view[0].south + view[0].north) / 2)
    with module_engine.connect() as conn:
        with plans(conn) as found:
            tiles = tiles_in_bounds(conn, view, where, limit=1000)
            columns_in_bounds(
                conn, view, where, model_id=model, labels=LABELS, limit=1000, after=None
            )
            count_in_bounds(conn, view, where)
            labelled = TileFilter(model_id=model, all_of=(LabelTerm(3, 0.5),))
            half = tiles_in_bounds(conn, view, labelled, limit=1000)
            tiles_at(conn, [middle], where)
            find_scores(conn, [tile.id for tile in tiles], model)
        assert len(tiles) == 500
        assert [tile.id for tile in half] == [t.id for t in tiles if t.id % 100 >= 50]
    assert len(found) == 6
    for plan in found:
        assert not reads_all_of(plan, "tile"), plan
        assert not reads_all_of(plan, "tile_score"), plan
    for plan in found[:5]:
        assert "tile_footprint_idx" in plan
    for place in (1, 3, 5):
        assert "tile_score_pkey" in found[place]


def test_columns_are_what_tiles_and_scores_say(module_engine: Engine, model: int) -> None:
    view, where = [window(7, 5)], TileFilter()
    with module_engine.begin() as conn:
        tiles = tiles_in_bounds(conn, view, where, limit=1000)
        unknown = [tiles[3].id, tiles[20].id]
        conn.execute(text("DELETE FROM tile_score WHERE tile_id = ANY(:ids)"), {"ids": unknown})
        found = columns_in_bounds(conn, view, where, model_id=model, labels=LABELS, limit=1000)
        stored = find_scores(conn, [tile.id for tile in tiles], model).stored
        page = columns_in_bounds(
            conn, view, where, model_id=model, labels=LABELS, limit=10, after=tiles[9].id
        )
        other = columns_in_bounds(conn, view, where, model_id=model + 1, labels=3, limit=1000)
        conn.rollback()
    assert found.ids == [tile.id for tile in tiles]
    assert [TileIndex(*cell) for cell in zip(found.z, found.x, found.y, strict=True)] == [
        tile.index for tile in tiles
    ]
    assert found.scores.shape == (35, LABELS)
    assert found.scores.dtype == np.float32
    for tile_id, row in zip(found.ids, found.scores, strict=True):
        if tile_id in unknown:
            assert (row == NO_SCORE).all()
        else:
            np.testing.assert_array_equal(row, np.float32(stored[tile_id].scores))
    assert page.ids == found.ids[10:20]
    assert other.scores.shape == (35, 3)
    assert (other.scores == NO_SCORE).all()


def test_columns_of_nothing(connection: Connection) -> None:
    view = [Bounds(0, 0, 1, 1)]
    found = columns_in_bounds(connection, view, TileFilter(), model_id=1, labels=4, limit=10)
    assert (found.ids, found.z, found.x, found.y) == ([], [], [], [])
    assert found.scores.shape == (0, 4)
    assert count_in_bounds(connection, view, TileFilter()) == 0
    with pytest.raises(BadInputError, match="no scene is named"):
        columns_in_bounds(connection, view, TileFilter("none"), model_id=1, labels=4, limit=10)
