"""Sums over random scenes: against a count of the smallest cells, one by one."""

import random
from dataclasses import replace

import pytest
from sqlalchemy import Connection
from support.area_sums import (
    ANY,
    CUTOFFS,
    LABELS,
    areas,
    changes_of,
    day,
    outline,
)
from support.random_layouts import answers, make_layout, random_part, size_within

from earthgql.catalog.analysis.histogram import label_histogram
from earthgql.catalog.analysis.timeline import Interval, label_timeline
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter


@pytest.mark.parametrize("seed", range(12))
def test_random_scenes_each_piece_of_ground_counts_once(
    connection: Connection, model: ModelRecord, seed: int
) -> None:
    chance = random.Random(seed)
    layout = make_layout(connection, model, chance)
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
                for cell, tile in answers(layout.scenes).items()
                if told(layout.scores.get(tile)) and size_within(cell, part)
            }
            sizes = {cell: size_within(cell, part) for cell in here}
            near = {"rel": 1e-7, "abs": 1e-3}
            assert found.sums.tiles == len(set(here.values()))
            assert found.sums.covered_m2 == pytest.approx(sum(sizes.values()), **near)
            assert found.sums.classified_m2 == pytest.approx(
                sum(sizes[c] for c, tile in here.items() if tile in layout.scores), **near
            )
            for place, (label, cutoff) in enumerate(zip(LABELS, CUTOFFS, strict=True)):
                mine = [
                    c
                    for c, t in here.items()
                    if t in layout.scores and layout.scores[t][place] >= cutoff
                ]
                assert areas(found)[label][1] == pytest.approx(sum(sizes[c] for c in mine), **near)


@pytest.mark.parametrize("seed", range(12))
def test_random_scenes_changes_of_each_piece_of_ground(
    connection: Connection, model: ModelRecord, seed: int
) -> None:
    chance = random.Random(seed)
    layout = make_layout(connection, model, chance)
    part = random_part(chance)
    begin, end = chance.choice(((day(1), day(3)), (day(1), day(2)), (day(2), day(3))))
    found = changes_of(connection, model, [part], ANY, begin, end, first=10_000)
    before, after = answers(layout.scenes, begin), answers(layout.scenes, end)
    sums = dict.fromkeys(("compared", "unknown", "appeared", "vanished", "kept"), 0.0)
    pairs: dict[tuple[int, int], float] = {}
    for cell in before.keys() & after.keys():
        size = size_within(cell, part)
        was, now = layout.scores.get(before[cell]), layout.scores.get(after[cell])
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
