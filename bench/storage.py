"""How scores are best kept: layouts of `tile_score` and its label indexes, in one run.

    python -m bench storage
    python -m bench storage --tiles 0 --largest 10000000

Each layout has the same scores of the same tiles, of one scene and one model with 17 labels, spread
over the map in patches, as skewed as those of the shipped model. Bytes a tile, rows stored (with
all indexes, where there are very many rows already), lists by label, a histogram of 10^5 tiles, a
tile of a map with 1,024 of them, and a viewport of 2,000 in columns; all asked in turn.
Milliseconds, and ratios to `real[]` with indexes of all scores, which are what matters: of the
least times, which other work disturbs the least. Of the many tiles of `--largest` only the more
promising layouts are made: 10^7 take about 25 GB. Works in a database of its own, dropped at the
end.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from bench.machine import describe, load
from bench.scratch import ZOOM, fill_quickly, scratch_database, vacuum
from bench.storage_layouts import ALL_INDEXED, LAYOUTS, Layout
from bench.storage_questions import RARE, Questions, run
from bench.warm import in_turn, summary

STORED = 100_000
# Of the labels of the shipped model, about: how many of the demo's tiles have them.
_FREQUENT = (0.7, 0.1, 0.03, 0.03, 0.8, 0.5, 0.25, 0.1, 0.25)
SHARES = (*_FREQUENT, 0.1, 0.01, 0.02, 0.03, 0.02, 0.005, 0.02, 0.01)
_NORMAL = "(2 * (random() + random() + random()) - 3)"
_SCORE = (
    "1 / (1 + exp(-(CASE WHEN {field} > {least} THEN 5 + 2.5 * {n} ELSE -5.9 + 2.5 * {n} END)))"
)
_SPREAD = 0.15
_BY_SPACE = """
CREATE TABLE tile_by_space AS
SELECT row_number() OVER (ORDER BY {cell}) AS id, id AS same, scene_id, z, x, y, footprint, area_m2
  FROM tile
"""
_SIZES = """
SELECT pg_table_size(c.oid), pg_indexes_size(c.oid),
       (SELECT sum(pg_relation_size(indexrelid)) FROM pg_index
         WHERE indrelid = c.oid AND indexprs IS NOT NULL)
  FROM pg_class c
 WHERE c.relkind = 'r' AND c.oid IN (
   SELECT inhrelid FROM pg_inherits WHERE inhparent = '{table}'::regclass
   UNION ALL SELECT '{table}'::regclass)
"""
_LEAST = """
SELECT k.scores[{k}] FROM {table} k WHERE k.model_id = 1
 ORDER BY k.scores[{k}] DESC OFFSET 499 LIMIT 1
"""


def scores() -> str:
    """The scores of a tile, which has a label in some patches of the map, in SQL."""
    made = np.random.default_rng(0)
    u, v = made.uniform(0, 2 * np.pi, (2, 200_000))
    noise = (2 * made.uniform(size=(3, 200_000)).sum(axis=0) - 3) * _SPREAD
    parts = []
    for k, share in enumerate(SHARES, start=1):
        least = float(np.quantile(np.sin(u) * np.sin(v) + noise, 1 - share))
        field = f"sin(t.x / {7 + 3 * k}.0 + {k}) * sin(t.y / {9 + 2 * k}.0 + {k})"
        field += f" + {_SPREAD} * {_NORMAL}"
        parts.append(_SCORE.format(field=field, least=round(least, 4), n=_NORMAL))
    return f"CAST(ARRAY[{', '.join(parts)}] AS real[])"


def by_space(x: str, y: str) -> str:
    """The place of a cell along the Z-order curve (Morton), in SQL."""
    bits = (
        f"(({c}::bigint >> {b} & 1) << {2 * b + n})"
        for b in range(ZOOM)
        for n, c in ((0, x), (1, y))
    )
    return " | ".join(bits)


def fill(engine: Engine, side: int) -> None:
    """Make the tiles, numbered by rows and by space, and the scores that all layouts get."""
    fill_quickly(engine, side)
    with engine.begin() as conn:
        run(conn, "SET LOCAL maintenance_work_mem = '512MB'")
        run(conn, _BY_SPACE.format(cell=by_space("x", "y")))
        run(conn, "ALTER TABLE tile_by_space ADD PRIMARY KEY (id)")
        run(conn, "CREATE INDEX ON tile_by_space (same)")
        run(conn, "CREATE INDEX ON tile_by_space USING gist (footprint)")
        run(conn, "SELECT setseed(0.5)")
        run(
            conn,
            "CREATE TABLE source AS SELECT t.id AS tile_id,"
            f" {scores()} AS scores, now() AS computed_at, CAST(random() AS real) AS distance"
            " FROM tile t ORDER BY t.id",
        )
    vacuum(engine)


def keep(engine: Engine, layout: Layout, tiles: int, held: int) -> dict[str, float]:
    """Make a layout of the scores of all tiles but the last; returns seconds, and bytes a tile."""
    table, first = layout.table, tiles - held
    source = "source s"
    if layout.tiles != "tile":
        source = (
            "(SELECT b.id AS tile_id, r.scores, r.computed_at, r.distance"
            f" FROM source r JOIN {layout.tiles} b ON b.same = r.tile_id) s"
        )
    rows = (
        f"SELECT s.tile_id, 1 AS model_id, {layout.encoded} AS scores, s.computed_at, s.distance"
        f" FROM {source} WHERE s.tile_id"
    )
    with engine.begin() as conn:
        run(conn, "SET LOCAL maintenance_work_mem = '512MB'")
        run(conn, "SET LOCAL work_mem = '256MB'")
        for sql in layout.create(tiles):
            run(conn, sql)
        began = time.perf_counter()
        run(conn, f"INSERT INTO {table} {rows} <= {first} ORDER BY {layout.filled}")
        filled = time.perf_counter() - began
        began = time.perf_counter()
        for sql in layout.indexes():
            run(conn, sql)
        indexed = time.perf_counter() - began
        run(conn, f"CREATE TABLE fresh_{table} AS {rows} > {first} ORDER BY 1")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        run(conn, f"VACUUM ANALYZE {table}")
        sizes = run(conn, _SIZES.format(table=table)).all()
    return {
        "table": round(sum(row[0] for row in sizes) / first, 1),
        "label indexes": round(float(sum(row[2] or 0 for row in sizes)) / first, 1),
        "all": round(sum(row[0] + row[1] for row in sizes) / first, 1),
        "seconds to fill": round(filled, 1),
        "seconds to index": round(indexed, 1),
    }


def storing(engine: Engine, layouts: Sequence[Layout], tiles: int, held: int) -> dict[str, Any]:
    """Store the scores of the last tiles, 10^5 at once, in each layout in turn."""
    times: dict[str, list[float]] = {layout.name: [] for layout in layouts}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for first in range(tiles - held, tiles, STORED):
            for layout in layouts:
                run(conn, "CHECKPOINT")
                began = time.perf_counter()
                run(
                    conn,
                    f"INSERT INTO {layout.table} SELECT * FROM fresh_{layout.table}"
                    f" WHERE tile_id > {first} AND tile_id <= {first + STORED} ORDER BY tile_id",
                )
                times[layout.name].append((time.perf_counter() - began) * 1000)
    return summary(times)


def reading(engine: Engine, layouts: Sequence[Layout], side: int, rounds: int) -> dict[str, Any]:
    """Ask all layouts each question in turn."""
    found: dict[str, Any] = {}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        least = float(run(conn, _LEAST.format(table=ALL_INDEXED.table, k=RARE)).scalar_one())
        asked = {layout.name: Questions(conn, layout, side).all(least) for layout in layouts}
        for name in asked[ALL_INDEXED.name]:
            asks = {layout: questions[name] for layout, questions in asked.items()}
            began = time.perf_counter()
            for ask in asks.values():
                ask()
            slow = time.perf_counter() - began > len(asks) / 2
            found[name] = summary(in_turn(asks, max(3, rounds // 4) if slow else rounds, warm=1))
            told = {layout: times["median_ms"] for layout, times in found[name].items()}
            print(name, told, flush=True)
    return found


def measure(tiles: int, layouts: Sequence[Layout], rounds: int) -> dict[str, Any]:
    """Make the layouts of so many tiles, and measure them."""
    side = math.isqrt(tiles)
    tiles, held = side**2, 3 * STORED
    result: dict[str, Any] = {"tiles": tiles, "load_before": load(), "bytes a tile": {}}
    with scratch_database() as engine:
        fill(engine, side)
        for layout in layouts:
            result["bytes a tile"][layout.name] = keep(engine, layout, tiles, held)
            print(layout.name, result["bytes a tile"][layout.name], flush=True)
        with engine.begin() as conn:
            run(conn, "DROP TABLE source")
        result["ms"] = reading(engine, layouts, side, rounds)
        result["ms"]["10^5 scores stored"] = storing(engine, layouts, tiles, held)
    return {**result, "ratios": ratios(result), "load_after": load()}


def ratios(result: dict[str, Any]) -> dict[str, dict[str, float]]:
    """All figures of each layout, divided by those with all scores indexed; of times the least."""
    found: dict[str, dict[str, float]] = {}
    sizes = result["bytes a tile"]
    for layout in sizes:
        found[layout] = {"bytes": round(sizes[layout]["all"] / sizes[ALL_INDEXED.name]["all"], 3)}
        for name, times in result["ms"].items():
            ratio = times[layout]["least_ms"] / times[ALL_INDEXED.name]["least_ms"]
            found[layout][name] = round(ratio, 2)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench storage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tiles", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--largest", type=int, default=0, help="such as 10000000")
    parser.add_argument("--rounds", type=int, default=12, help="times each (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file to write the result to")
    arguments = parser.parse_args(argv)
    result: dict[str, Any] = {"machine": describe(), "runs": []}
    largest = [layout for layout in LAYOUTS if layout.largest]
    for tiles, layouts in ((arguments.tiles, LAYOUTS), (arguments.largest, largest)):
        if tiles:
            result["runs"].append(measure(tiles, layouts, arguments.rounds))
            if arguments.json:
                arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
