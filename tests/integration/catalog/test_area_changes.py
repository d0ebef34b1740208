"""Where a label appeared or vanished between two moments."""

import pytest
from sqlalchemy import Connection
from support.area_sums import ANY, CELL, EXACT, WORLD, changes_of, day, statements
from support.catalog_rows import add_model, add_scene, add_scores, children

from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.landscape import render_scene
from earthgql.landscape.labels import LABELS as LANDSCAPE_LABELS


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
