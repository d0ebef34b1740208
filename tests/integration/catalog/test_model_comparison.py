"""How far two models agree on an area."""

import pytest
from sqlalchemy import Connection
from support.area_sums import ANY, CELL, CUTOFFS, EXACT, WORLD, statements
from support.catalog_rows import add_model, add_scene, add_scores, children

from earthgql.catalog.analysis.model_comparison import compare_models
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import BadInputError
from earthgql.imagery import grid


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
        found = compare_models(
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
    alone = compare_models(
        connection, WORLD, TileFilter(scene="one"), (model, model), (CUTOFFS, CUTOFFS), first=0
    )
    assert [of.only_a + of.only_b for of in alone.labels] == [0, 0, 0]
    assert [of.mean_distance for of in alone.labels] == [0, 0, 0]
    assert alone.most_different == ()
    strange = add_model(connection, "strange", ("snow",), 0.5)
    with pytest.raises(BadInputError, match="no label in common"):
        compare_models(connection, WORLD, ANY, (model, strange), (CUTOFFS, (0.5,)), first=1)
