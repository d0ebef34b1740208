"""Lists by label among a million classified tiles: layouts of scores, plans, and over HTTP.

    python -m bench filters --tiles 1000000 --json bench/results/filters.json

Compares `real[]` without an index, `real[]` with an expression index per label (as migrated), and a
long table (tile, label, score), each asked in turn for 500 tiles of a label; then lists of many
kinds by the catalog, and over HTTP. Seventeen labels, which 94 % to 1 % of the tiles have, spread
without regard to place. Medians in milliseconds; ratios matter. Works in a database of its own.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from bench.machine import describe, load
from bench.scratch import (
    IDENTITY,
    drop_label_indexes,
    fill_quickly,
    scratch_database,
    vacuum,
    window,
)
from bench.serving import Client, gunicorn, start
from bench.warm import Ask, in_turn, summary
from earthgql.catalog.label_indexes import make_label_indexes
from earthgql.catalog.models import register_model
from earthgql.catalog.tiles.areas import parse_area
from earthgql.catalog.tiles.columns import columns_in_bounds, count_in_bounds
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.catalog.tiles.lookup import tiles_in_bounds
from earthgql.catalog.tiles.order import BY_ID, TileOrder
from earthgql.database.autogenerate import LABEL_INDEX_PREFIX
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds

HITS = 500
RARE = len(IDENTITY.labels)  # columns of labels that 1 % and 50 % of the tiles have
COMMON = 2
WORLD = grid.bounds(-180, -90, 180, 90)
SCORES = text("""
INSERT INTO tile_score (tile_id, model_id, scores)
SELECT t.id, :model, ARRAY(
         SELECT greatest(greatest(random(), 0.02) ^ (k * k / 4.0), 1e-30)::real
           FROM generate_series(1, :labels) AS k WHERE t.id > 0)
  FROM tile t
""")
LONG = text("""
CREATE TABLE long_score AS
SELECT k.tile_id, k.model_id, s.label::smallint AS label, s.score
  FROM tile_score k, unnest(k.scores) WITH ORDINALITY AS s(score, label)
""")
LONG_INDEX = text("CREATE INDEX long_score_idx ON long_score (model_id, label, score, tile_id)")
LONG_KEY = text("ALTER TABLE long_score ADD PRIMARY KEY (tile_id, model_id, label)")
# The barest statements that find them; what ranks overlapping tiles is left out.
BARE = text("""
SELECT t.id, t.z, t.x, t.y FROM tile t JOIN tile_score k ON k.tile_id = t.id
 WHERE k.model_id = :model AND k.scores[:label] >= CAST(:least AS real) ORDER BY t.id LIMIT 501
""")
BARE_LONG = text("""
SELECT t.id, t.z, t.x, t.y FROM tile t JOIN long_score k ON k.tile_id = t.id
 WHERE k.model_id = :model AND k.label = :label AND k.score >= CAST(:least AS real)
 ORDER BY t.id LIMIT 501
""")
# PostgreSQL takes labels to be alike, and starts from the tiles; here it must start from the label.
BARE_LONG_FIRST = text("""
WITH k AS MATERIALIZED (
  SELECT tile_id FROM long_score
   WHERE model_id = :model AND label = :label AND score >= CAST(:least AS real))
SELECT t.id, t.z, t.x, t.y FROM tile t JOIN k ON k.tile_id = t.id ORDER BY t.id LIMIT 501
""")
LEAST = text("""
SELECT scores[:label] FROM tile_score ORDER BY scores[:label] DESC OFFSET :hits - 1 LIMIT 1
""")
SIZES = text("""
SELECT relname, pg_relation_size(oid) FROM pg_class
 WHERE relname LIKE 'tile\\_score%' OR relname LIKE 'long\\_score%'
""")
LIST = """query ($w: TileWhere, $b: BoundsInput, $o: TileOrder, $n: Int) {
  tilesInBounds(bounds: $b, where: $w, orderBy: $o, first: $n) { nodes { id z x y } } }"""
SCORED = LIST.replace("id z x y", "id z x y classification { scores { label score } }")
COLUMNS = """query ($w: TileWhere, $b: BoundsInput, $o: TileOrder, $n: Int) {
  viewport(bounds: $b, where: $w, orderBy: $o, first: $n) { ids z x y scores } }"""


def timed(conn: Connection, statement: Any, values: Mapping[str, Any] | None = None) -> float:
    began = time.perf_counter()
    conn.execute(statement, values or {})
    conn.commit()
    return round(time.perf_counter() - began, 1)


def sizes(conn: Connection) -> dict[str, float]:
    """Mebibytes of each layout."""
    found = {name: size / 2**20 for name, size in conn.execute(SIZES).all()}
    label = sum(size for name, size in found.items() if name.startswith(LABEL_INDEX_PREFIX))
    long = sum(size for name, size in found.items() if name.startswith("long"))
    return {
        "real[] and its key": round(found["tile_score"] + found["tile_score_pkey"]),
        "expression indexes, all labels": round(label),
        "long table and its indexes": round(long),
    }


def made(engine: Engine, tiles: int) -> tuple[int, dict[str, float]]:
    """Fill a database; returns the model and the seconds that each layout took."""
    fill_quickly(engine, math.isqrt(tiles))
    with engine.connect() as conn:
        model = register_model(conn, IDENTITY)
        conn.commit()
        drop_label_indexes(conn)
        conn.commit()
        conn.execute(text("SET maintenance_work_mem = '256MB'"))
        seconds = {"real[]": timed(conn, SCORES, {"model": model, "labels": RARE})}
        seconds["long table"] = timed(conn, LONG)
        seconds["its key"] = timed(conn, LONG_KEY)
        seconds["its index"] = timed(conn, LONG_INDEX)
    vacuum(engine)
    return model, seconds


def layouts(engine: Engine, model: int, least: float, rounds: int) -> dict[str, Any]:
    """Ask each layout for the tiles of a rare label; the array first without, then with indexes."""
    values = {"model": model, "label": RARE, "least": least}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        asks: dict[str, Ask] = {
            "real[] without index": lambda: conn.execute(BARE, values).all(),
            "long table": lambda: conn.execute(BARE_LONG, values).all(),
            "long table, label first": lambda: conn.execute(BARE_LONG_FIRST, values).all(),
        }
        assert all(len(ask()) == HITS for ask in asks.values())  # type: ignore[arg-type]
        before = in_turn(asks, max(3, rounds // 4))
        began = time.perf_counter()
        make_label_indexes(conn, RARE)
        seconds = round(time.perf_counter() - began, 1)
        asks["real[] with expression index"] = asks.pop("real[] without index")
        after = in_turn(asks, rounds)
        return {
            "without index": summary(before),
            "with index": summary(after),
            "seconds_to_index": seconds,
            "mebibytes": sizes(conn),
        }


def storing(engine: Engine, model: int, rounds: int) -> dict[str, Any]:
    """Store scores of 2,000 tiles anew, in both layouts, and without indexes per label."""
    tiles = "SELECT id FROM tile ORDER BY id LIMIT 2000"
    array = text(
        f"INSERT INTO tile_score SELECT tile_id, {model + 1}, scores, computed_at"
        f" FROM tile_score WHERE model_id = {model} AND tile_id IN ({tiles})"
    )
    long = text(
        f"INSERT INTO long_score SELECT tile_id, {model + 1}, label, score"
        f" FROM long_score WHERE model_id = {model} AND tile_id IN ({tiles})"
    )
    other = text(
        "INSERT INTO model (id, name, version, labels, thresholds, sha256) OVERRIDING SYSTEM VALUE"
        f" SELECT {model + 1}, name, 'other', labels, thresholds, 'other' FROM model"
        f" WHERE id = {model}"
    )
    with engine.connect() as conn:

        def rolled_back(statement: Any) -> Callable[[], object]:
            def ask() -> None:
                conn.execute(statement)
                conn.rollback()

            return ask

        conn.execute(other)
        conn.commit()
        times = in_turn({"real[]": rolled_back(array), "long table": rolled_back(long)}, rounds)
    return summary(times)


def catalog(engine: Engine, model: int, least: float, rounds: int, side: int) -> dict[str, Any]:
    """Ask the catalog for lists of many kinds."""
    rare, common = (LabelTerm(RARE, least),), (LabelTerm(COMMON, 0.5),)
    by_rare = TileOrder("label", True, RARE)
    small, large = [window(10, 10, 25, 20)], [window(0, 0, side // 2, side // 2)]
    west, south, east, north = large[0]
    ring = [[west, south], [east, south], [east, north], [west, south]]
    area = parse_area({"type": "Polygon", "coordinates": [ring]})

    def where(**terms: Any) -> TileFilter:
        return TileFilter(model_id=model, **terms)

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:

        def listed(
            parts: Sequence[Bounds], chosen: TileFilter, order: TileOrder = BY_ID, **page: Any
        ) -> Ask:
            return lambda: tiles_in_bounds(conn, parts, chosen, limit=HITS + 1, order=order, **page)

        middle = tiles_in_bounds(conn, WORLD, where(classified=True), limit=HITS, order=by_rare)
        asks: dict[str, Ask] = {
            "500 hits of a rare label": listed(WORLD, where(all_of=rare)),
            "a label that half of the tiles have": listed(WORLD, where(all_of=common)),
            "any of two rare labels": listed(
                WORLD, where(any_of=(LabelTerm(RARE - 1, least), *rare))
            ),
            "a common label in a viewport of 500": listed(small, where(all_of=common)),
            "a rare label in a quarter of the map": listed(large, where(all_of=rare)),
            "a rare label in a triangle": listed(area.parts, where(all_of=rare, within=area)),
            "highest scores first": listed(WORLD, where(classified=True), by_rare),
            "the next page of them": listed(
                WORLD, where(classified=True), by_rare, after=middle[-1].position
            ),
            "the last page of them": listed(WORLD, where(classified=True), by_rare, backward=True),
            "highest scores in a viewport of 500": listed(small, where(classified=True), by_rare),
            "newest first in a viewport of 500": listed(
                small, where(), TileOrder("acquired", True)
            ),
            "no condition": listed(WORLD, TileFilter()),
            "count of a rare label": lambda: count_in_bounds(conn, WORLD, where(all_of=rare)),
        }
        return summary(in_turn(asks, rounds))


def over_http(engine: Engine, least: float, rounds: int) -> dict[str, Any]:
    """Ask for 500 hits over HTTP."""
    label = IDENTITY.labels[RARE - 1]
    rare = {"labels": {"all": [{"label": label, "minScore": least}]}}
    order = {"label": label}
    box = dict(zip(("west", "south", "east", "north"), window(10, 10, 25, 20), strict=True))
    url = engine.url.render_as_string(hide_password=False)
    server = start(gunicorn("earthgql"), {"BENCH_DATABASE_URL": url})
    try:
        client = Client(server.port)

        def ask(query: str, **variables: Any) -> Ask:
            body = {"query": query, "variables": {"n": HITS, **variables}}
            return lambda: client.ask("/graphql", body)

        asks = {
            "500 hits": ask(LIST, w=rare),
            "500 hits with their scores": ask(SCORED, w=rare),
            "500 hits as columns": ask(COLUMNS, w=rare),
            "500 hits counted": ask(LIST.replace("nodes { id z x y }", "totalCount"), w=rare),
            "500 highest": ask(LIST, o=order),
            "a viewport of 500 without conditions": ask(LIST, b=box),
        }
        for name in ("500 hits", "500 highest"):
            found = json.loads(asks[name]())  # type: ignore[arg-type]
            assert len(found["data"]["tilesInBounds"]["nodes"]) == HITS
        return summary(in_turn(asks, rounds))
    finally:
        server.stop()


def cost_to_others(engine: Engine, model: int, rounds: int) -> dict[str, Any]:
    """What the indexes cost a viewport that has no conditions, which plans with them in sight."""
    small = [window(10, 10, 25, 20)]
    found = {}
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:

        def columns() -> object:
            return columns_in_bounds(
                conn, small, TileFilter(), model_id=model, labels=RARE, limit=HITS
            )

        for name in ("with indexes", "without"):
            found |= in_turn({name: columns}, rounds * 4)
            if name == "with indexes":
                drop_label_indexes(conn)
    return summary(found)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench filters",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tiles", type=int, default=1_000_000, help="classified tiles (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=20, help="times each (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file to write the result to")
    arguments = parser.parse_args(argv)
    rounds, side = arguments.rounds, math.isqrt(arguments.tiles)
    result: dict[str, Any] = {"machine": describe(), "tiles": side**2, "hits": HITS}
    with scratch_database() as engine:
        model, seconds = made(engine, arguments.tiles)
        with engine.connect() as conn:
            least = float(conn.scalar(LEAST, {"label": RARE, "hits": HITS}))
        result["seconds_to_fill"] = seconds
        result["layouts"] = layouts(engine, model, least, rounds)
        vacuum(engine)
        result["catalog"] = catalog(engine, model, least, rounds, side)
        result["http"] = over_http(engine, least, rounds)
        result["storing 2,000 tiles"] = storing(engine, model, max(3, rounds // 4))
        result["columns of 500"] = cost_to_others(engine, model, rounds)
    result["machine"]["load_after"] = load()
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
