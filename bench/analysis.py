"""Sums over 10^5 classified tiles, by several layouts; and changes against the demo's truth.

    python -m bench analysis --json bench/results/analysis.json
    python -m bench analysis --truth --json bench/results/analysis.json

All layouts sum over the same tiles, found and ranked as everywhere, and give the same numbers:
tiles, area and mean score of each label. They are asked in turn; medians and 95th percentiles in
milliseconds, and ratios to the layout in use, which are what matters. Works in a database of its
own, dropped at the end. With --truth the model also classifies both dates of the demo's landscape,
and the changes found are held against those that were drawn.
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from bench.analysis_tiles import add_other_zooms, add_second_date, fill
from bench.machine import describe, load
from bench.scratch import (
    IDENTITY,
    ZOOM,
    scratch_database,
    window,
)
from bench.warm import in_turn, ratio, summary
from earthgql.catalog.analysis.changes import label_changes
from earthgql.catalog.analysis.coverage import coverage
from earthgql.catalog.analysis.histogram import label_histogram
from earthgql.catalog.analysis.model_comparison import compare_models
from earthgql.catalog.analysis.timeline import Interval, label_timeline
from earthgql.catalog.analysis.work_estimate import estimate_work
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import real_cutoff
from earthgql.catalog.sql import compose, execute
from earthgql.catalog.tiles.areas import parse_area
from earthgql.catalog.tiles.columns import NO_SCORE, columns_in_bounds, count_in_bounds
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex

ANY = TileFilter()
LABELS = len(IDENTITY.labels)
CUTOFFS = (0.8,) * LABELS

# What the layouts below are summed over: the tiles shown, the area each covers, and their scores.
_SHOWN = """WITH {coverage},
scored AS (
  SELECT s.m2, k.scores FROM shown s
    JOIN tile_score k ON k.tile_id = s.id AND k.model_id = :model)
"""
LAYOUTS = {
    "a FILTER for each label, scores[k] each time": _SHOWN + "SELECT {filters} FROM scored",
    "unnest, GROUP BY": _SHOWN
    + """SELECT label, count(*), sum(m2), avg(score)
      FROM scored, unnest(scores) WITH ORDINALITY AS u(score, label)
     WHERE score >= CAST(:cutoff AS real) GROUP BY label""",
    "unnest in the select list, GROUP BY": _SHOWN
    + """SELECT label, count(*), sum(m2), avg(score)
      FROM (SELECT m2, unnest(scores) AS score, generate_subscripts(scores, 1) AS label
              FROM scored) each
     WHERE score >= CAST(:cutoff AS real) GROUP BY label""",
    "a table of a row per label": """WITH {coverage}
    SELECT label, count(*), sum(m2), avg(score)
      FROM shown s JOIN label_score k ON k.tile_id = s.id AND k.model_id = :model
     WHERE score >= CAST(:cutoff AS real) GROUP BY label""",
    "geodesic area on the fly": """WITH {coverage},
    scored AS (
      SELECT ST_Area(t.footprint::geography) AS m2, k.scores FROM shown s
        JOIN tile t ON t.id = s.id
        JOIN tile_score k ON k.tile_id = s.id AND k.model_id = :model)
    SELECT {filters} FROM scored""",
}
_FILTERS = ", ".join(
    f"count(*) FILTER (WHERE scores[{k}] >= CAST(:cutoff AS real)),"
    f" sum(m2) FILTER (WHERE scores[{k}] >= CAST(:cutoff AS real)),"
    f" avg(scores[{k}]) FILTER (WHERE scores[{k}] >= CAST(:cutoff AS real))"
    for k in range(1, LABELS + 1)
)


def numpy_sums(conn: Connection, part: Bounds, model: ModelRecord) -> dict[int, int]:
    """Fetch all scores in binary and sum them here; areas of whole tiles, from their rows."""
    found = columns_in_bounds(conn, [part], ANY, model_id=model.id, labels=LABELS, limit=10_000_000)
    y = np.array(found.y)
    rows_of_grid, place = np.unique(y, return_inverse=True)
    m2 = np.array([grid.area_m2(TileIndex(ZOOM, 0, int(row))) for row in rows_of_grid])[place]
    known = found.scores[:, 0] != NO_SCORE
    has = (found.scores >= np.float32(real_cutoff(CUTOFFS[0]))) & known[:, None]
    tiles, areas = has.sum(axis=0), m2 @ has
    means = np.where(has, found.scores, 0).sum(axis=0, dtype=np.float64) / np.maximum(tiles, 1)
    assert areas.shape == means.shape == (LABELS,)
    return dict(enumerate(tiles.tolist()))


def layouts(conn: Connection, part: Bounds, model: ModelRecord) -> dict[str, Callable[[], object]]:
    """Ways to sum over the tiles of a rectangle."""
    shown = coverage([part], ANY, estimate_work(conn, [part], ANY))
    values = {"model": model.id, "cutoff": real_cutoff(CUTOFFS[0])}
    asks: dict[str, Callable[[], object]] = {
        "labelHistogram": lambda: label_histogram(conn, [part], ANY, model, CUTOFFS),
        "binary arrays, NumPy": lambda: numpy_sums(conn, part, model),
        "floor: only count the tiles": lambda: count_in_bounds(conn, [part], ANY),
    }
    for name, layout in LAYOUTS.items():
        statement = compose(layout, values, coverage=shown, filters=_FILTERS)
        asks[name] = lambda statement=statement: execute(conn, statement).all()
    return asks


def check(asks: Mapping[str, Callable[[], Any]]) -> None:
    """See that all layouts count the same."""
    expected = [label.tiles for label in asks["labelHistogram"]().sums.labels]
    assert list(asks["binary arrays, NumPy"]().values()) == expected
    for name in LAYOUTS:
        found = asks[name]()
        if len(found) == 1:
            assert list(found[0][::3]) == expected, name
        else:
            assert [row[1] for row in sorted(found)] == expected, name


def questions(conn: Connection, side: int, models: Sequence[ModelRecord]) -> dict[str, Any]:
    """The questions that clients ask, over all tiles."""
    part = window(0, 0, side, side)
    model = models[0]
    middle = window(side // 4, side // 4, side // 2, side // 2)
    triangle = parse_area(
        {
            "type": "Polygon",
            "coordinates": [
                [
                    [part.west, part.south],
                    [part.east, part.south],
                    [part.east, part.north],
                    [part.west, part.south],
                ]
            ],
        }
    )
    inside = TileFilter(within=triangle)
    some = TileFilter(all_of=(LabelTerm(3, 0.9),), model_id=model.id)
    begin = conn.scalar(text("SELECT min(acquired_at) FROM scene"))
    assert begin is not None
    end = begin + timedelta(days=3650)
    change = {"column": 3, "cutoff": 0.8, "begin": begin, "end": end, "first": 100}
    return {
        "labelHistogram": lambda: label_histogram(conn, [part], ANY, model, CUTOFFS),
        "labelHistogram, a quarter": lambda: label_histogram(conn, [middle], ANY, model, CUTOFFS),
        "labelHistogram, a triangle": lambda: label_histogram(
            conn, triangle.parts, inside, model, CUTOFFS
        ),
        "labelHistogram, where": lambda: label_histogram(conn, [part], some, model, CUTOFFS),
        "labelTimeline": lambda: label_timeline(
            conn, [part], ANY, model, CUTOFFS, interval=Interval.YEAR
        ),
        "labelChanges": lambda: label_changes(conn, [part], ANY, model, **change),
        "modelComparison": lambda: compare_models(
            conn, [part], ANY, (models[0], models[1]), (CUTOFFS, CUTOFFS), first=100
        ),
    }


def measure(tiles: int, rounds: int) -> dict[str, Any]:
    side = math.isqrt(tiles - 1) + 1
    with scratch_database() as engine:
        models = fill(engine, side)
        result: dict[str, Any] = {"tiles": side**2}
        with engine.connect() as conn:
            conn.execution_options(isolation_level="AUTOCOMMIT")
            asks = layouts(conn, window(0, 0, side, side), models[0])
            check(asks)
            result["layouts"] = summary(in_turn(asks, rounds, warm=1))
            result["ratios to labelHistogram"] = {
                name: ratio(result["layouts"], name, "labelHistogram") for name in asks
            }
            one_date = questions(conn, side, models)
            del one_date["labelChanges"]
            result["one date"] = summary(in_turn(one_date, rounds, warm=1))
            add_second_date(engine, models, side)
            result["two dates"] = summary(in_turn(questions(conn, side, models), rounds, warm=1))
            add_other_zooms(engine, models, side)
            mixed = questions(conn, 3 * side, models)
            result["two dates, three zooms"] = summary(in_turn(mixed, rounds, warm=1))
        result["load_after"] = load()
    return result


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench analysis",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tiles", type=int, default=100_000, help="tiles to sum over (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="times each (default: %(default)s)")
    parser.add_argument("--truth", action="store_true", help="also hold changes against the truth")
    parser.add_argument("--json", type=Path, help="file to write the result to")
    arguments = parser.parse_args(argv)
    result: dict[str, Any] = {"machine": describe()}
    if arguments.tiles:
        result |= measure(arguments.tiles, arguments.rounds)
    if arguments.truth:
        from bench.truth import measure_truth

        result["changes against the truth"] = measure_truth()
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
