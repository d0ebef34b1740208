"""Labels as vector tiles over HTTP, against tipg on the same table; what keeping sums costs.

    python -m bench labels --json bench/results/labels.json
    python -m bench labels --tiles 10000000 --without-cost
    python -m bench labels --sums 10000000

A square of tiles of zoom 14, all with made-up scores of 17 labels, in a database of its own.
earthgql is `manage.py serve` as anybody runs it, tipg a view of the same tables with a column for
each label; one process each, asked in turn for the tile in the middle of the square, by zoom: cold
is the first answer that a server gives at that zoom, after its sums were made; warm the median of
those behind it; 304 has the ETag. `processor` is the time that PostgreSQL needed for a warm
answer, which other work on the machine hardly changes. `anew`: the first answer after the scores of
1,000 tiles there have changed. Milliseconds. Storing and deleting: processor's time with the
triggers that note changes and without, in turns, each in a transaction that is rolled back.
--sums: the lowest zooms alone, on tables that have the sums of so many tiles and no tiles, for none
are looked at.
"""

import argparse
import http.client
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from bench import peer
from bench.flow import is_ready
from bench.machine import describe, load
from bench.scratch import (
    IDENTITY,
    ORIGIN,
    ZOOM,
    drop_label_indexes,
    fill_quickly,
    make_scores,
    scratch_database,
    vacuum,
)
from bench.serving import Client, serve, start
from bench.warm import in_turn, ratio, summary
from earthgql.catalog.label_indexes import make_label_indexes
from earthgql.catalog.label_tiles.changes import STEP, BlockRange, revisions
from earthgql.catalog.label_tiles.served import serve as make_tile
from earthgql.catalog.label_tiles.sums import Renewal, model_values
from earthgql.catalog.models import ModelRecord, register_model
from earthgql.catalog.sql import Fragment, compose, execute
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.imagery.grid import TileIndex, tile_bounds

MODEL = f"model={IDENTITY.name}"
AGAINST_TIPG = (14, 11, 9)
CHANGED = 1_000
_COLUMNS = ", ".join(f"k.scores[{i}] AS {name}" for i, name in enumerate(IDENTITY.labels, 1))
_VIEW = text(f"""
CREATE VIEW scored AS
  SELECT t.id, t.z, {_COLUMNS}, t.footprint
    FROM tile t JOIN tile_score k ON k.tile_id = t.id AND k.model_id = 1
""")
_CHANGE = text("""
UPDATE tile_score SET scores[1] = 1 - scores[1] WHERE tile_id IN (
  SELECT id FROM tile WHERE x BETWEEN :x AND :x + 31 AND y BETWEEN :y AND :y + 31 LIMIT :changed)
""")
_STORE = text("""
INSERT INTO tile_score (tile_id, model_id, scores)
SELECT tile_id, :other, scores FROM tile_score
 WHERE model_id = :model AND tile_id IN (SELECT id FROM tile ORDER BY id OFFSET :from LIMIT :count)
 ORDER BY tile_id
""")
_OTHER = text("""
INSERT INTO model (name, version, labels, thresholds, sha256)
SELECT name, 'other', labels, thresholds, 'other' FROM model WHERE id = :model RETURNING id
""")
_SCENE = text("""
INSERT INTO scene (name, kind, uri, root, zoom, zooms, footprint, fingerprint)
VALUES ('sums', 'pyramid', '/', '/', :z, ARRAY[CAST(:z AS smallint)],
        ST_MakeEnvelope(:w, :s, :e, :n, 4326), '')
""")
_CELLS = """
SELECT x, y, CAST(NULL AS bigint) AS revision
  FROM generate_series(:x0, :x1) AS x, generate_series(:y0, :y1) AS y
"""
_NOTES = """
INSERT INTO label_change (z, x, y, own, model_id, added)
SELECT :zoom, x, y, :zoom = 12, model_id, CAST(1 + random() * 1000000 AS bigint)
  FROM generate_series(:x0, :x1) AS x, generate_series(:y0, :y1) AS y,
       unnest(ARRAY[NULL, :model]) AS model_id
"""
_SUMS = """
INSERT INTO label_sum (model_id, z, x, y, tiles, classified, sums, over, revision)
SELECT :model, :zoom, x, y, n, n, ARRAY(
         SELECT floor(random() * n * 1000000) FROM generate_series(1, :labels) WHERE x >= 0),
       ARRAY(SELECT CAST(random() * n AS int) FROM generate_series(1, :labels) WHERE x >= 0),
       revision
  FROM ({cells}) cell, (SELECT 1 << 2 * (14 - :zoom)) AS tiles(n)
"""
_SIZES = text("""
SELECT relname, pg_total_relation_size(oid) / 1048576.0 FROM pg_class
 WHERE relname IN ('tile', 'tile_score', 'label_sum', 'label_change')
""")


def middle(side: int, zoom: int) -> TileIndex:
    """The tile of a zoom in the middle of the square."""
    coarser = ZOOM - zoom
    return TileIndex(zoom, (ORIGIN.x + side // 2) >> coarser, (ORIGIN.y + side // 2) >> coarser)


def made_sums(engine: Engine, side: int) -> ModelRecord:
    """Make up the sums of a square of tiles, and notes of changes; all are up to date."""
    first, last = ORIGIN, TileIndex(ZOOM, ORIGIN.x + side - 1, ORIGIN.y + side - 1)
    west, north = tile_bounds(first).west, tile_bounds(first).north
    south, east = tile_bounds(last).south, tile_bounds(last).east
    with engine.begin() as conn:
        model = ModelRecord(register_model(conn, IDENTITY), IDENTITY)
        conn.execute(_SCENE, {"z": ZOOM, "w": west, "s": south, "e": east, "n": north})
        for zoom in range(ZOOM - 1):
            shift = ZOOM - zoom
            cells = BlockRange(zoom, *(edge >> shift for edge in (*first[1:], *last[1:])))
            values = {**model_values(model), **cells._asdict()}
            found = Fragment(_CELLS)
            if zoom % STEP == 0:
                execute(conn, _NOTES, **values)
                found = revisions(cells)
            execute(conn, compose(_SUMS, values, cells=found))
    vacuum(engine)
    return model


def corner(tile: TileIndex) -> dict[str, int]:
    """Column and row of the first tile of the square below a tile of a map."""
    coarser = ZOOM - tile.z
    return {"x": max(tile.x << coarser, ORIGIN.x), "y": max(tile.y << coarser, ORIGIN.y)}


def made(engine: Engine, side: int) -> tuple[ModelRecord, dict[str, float]]:
    """Fill a database, and make its sums; returns the model and the seconds that it took."""
    seconds = {}

    def timed(name: str, act: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = act()
        seconds[name] = round(time.perf_counter() - began, 1)
        return result

    timed("tiles", lambda: fill_quickly(engine, side))
    with engine.begin() as conn:
        model = ModelRecord(register_model(conn, IDENTITY), IDENTITY)
        drop_label_indexes(conn)
    timed("scores", lambda: make_scores(engine, model.id, side))
    vacuum(engine)
    timed("sums", lambda: Renewal(engine, model, math.inf).renew_all())
    vacuum(engine)
    return model, seconds


class Processor:
    """The time that the process of a connection has had on a processor, in milliseconds."""

    def __init__(self, conn: Connection) -> None:
        pid = conn.scalar(text("SELECT pg_backend_pid()"))
        self._statistic = Path(f"/proc/{pid}/schedstat")

    def spent_on(self, act: Callable[[], object]) -> float:
        before = self._now()
        act()
        return round(self._now() - before, 1)

    def _now(self) -> float:
        return int(self._statistic.read_text().split()[0]) / 1e6


def processor_ms(engine: Engine, model: ModelRecord, tile: TileIndex, rounds: int) -> float:
    """The time of PostgreSQL's process for a tile, of a median answer."""
    with engine.connect() as conn:
        processor = Processor(conn)  # the pool lends the same connection again
    spent = [
        processor.spent_on(lambda: make_tile(engine, tile, TileFilter(model_id=model.id), model))
        for _ in range(rounds)
    ]
    return round(statistics.median(spent), 1)


def etag(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return str(response.headers["ETag"])


def not_modified(port: int, path: str) -> Callable[[], object]:
    """Ask with the ETag of a tile, on a kept connection."""
    headers = {"If-None-Match": etag(port, path)}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask() -> None:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 304, response.status

    return ask


def low_zooms(tiles: int, rounds: int) -> dict[str, Any]:
    """Ask for the tile in the middle of made-up sums, at zooms that look at no tiles."""
    side, found = math.isqrt(tiles), {}
    with scratch_database() as engine, ExitStack() as stack:
        model = made_sums(engine, side)
        url = engine.url.render_as_string(hide_password=False)
        server = start(serve, {"EARTHGQL_DATABASE_URL": url})
        stack.callback(server.stop)
        while not is_ready(server.port):
            time.sleep(0.1)
        client, own = Client(server.port), engine.execution_options(isolation_level="AUTOCOMMIT")
        for zoom in range(ZOOM - 7, -1, -1):
            tile = middle(side, zoom)
            path = f"/labels/{tile.z}/{tile.x}/{tile.y}.mvt?{MODEL}"
            cold = in_turn({"": lambda p=path: client.ask(p)}, 1, warm=0)[""][0]
            times = summary(in_turn({"earthgql": lambda p=path: client.ask(p)}, rounds))
            spent = processor_ms(own, model, tile, rounds)
            found[str(zoom)] = {**times, "cold_ms": round(cold, 1), "processor_ms": spent}
            found[str(zoom)]["bytes"] = len(client.ask(path))
            print(zoom, found[str(zoom)], flush=True)
    return found


def by_zoom(engine: Engine, model: ModelRecord, side: int, rounds: int) -> dict[str, Any]:
    """Ask for the tile in the middle, by zoom, and tipg for some of them."""
    url = engine.url.render_as_string(hide_password=False)
    found: dict[str, Any] = {}
    own = engine.execution_options(isolation_level="AUTOCOMMIT")
    with ExitStack() as stack:
        server = start(serve, {"EARTHGQL_DATABASE_URL": url})
        stack.callback(server.stop)
        while not is_ready(server.port):
            time.sleep(0.1)
        tipg = peer.start_tipg(engine, _VIEW)
        stack.callback(tipg.stop)
        ours, theirs = Client(server.port), Client(tipg.port)
        for zoom in range(ZOOM, -1, -1):
            tile = middle(side, zoom)
            path = f"/labels/{tile.z}/{tile.x}/{tile.y}.mvt?{MODEL}"
            cold = in_turn({"": lambda p=path: ours.ask(p)}, 1, warm=0)[""][0]
            asks: dict[str, Callable[[], object]] = {
                "earthgql": lambda p=path: ours.ask(p),
                "304": not_modified(server.port, path),
            }
            if zoom in AGAINST_TIPG:
                place = f"{tile.z}/{tile.x}/{tile.y}"
                other = f"/collections/public.scored/tiles/WebMercatorQuad/{place}"
                asks["tipg"] = lambda p=other: theirs.ask(p)
            times = summary(in_turn(asks, rounds))
            anew = []
            for _ in range(3):
                with own.connect() as conn:
                    place = {"x": tile.x << (ZOOM - zoom), "y": tile.y << (ZOOM - zoom)}
                    corner = {
                        axis: max(first, getattr(ORIGIN, axis)) for axis, first in place.items()
                    }
                    conn.execute(_CHANGE, {**corner, "changed": CHANGED})
                anew += in_turn({"": lambda p=path: ours.ask(p)}, 1, warm=0)[""]
            entry = {
                **times,
                "cold_ms": round(cold, 1),
                "anew_ms": round(statistics.median(anew), 1),
                "processor_ms": processor_ms(own, model, tile, rounds),
                "bytes": len(ours.ask(path)),
                "ratio": ratio(times, "earthgql", "tipg"),
            }
            found[str(zoom)] = entry
            print(zoom, entry, flush=True)
    return found


def cost(engine: Engine, model: ModelRecord, rounds: int) -> dict[str, Any]:
    """Store scores, all at once and as jobs do, and delete tiles; with triggers and without.

    Returns:
        Milliseconds of PostgreSQL's process, the least of some.
    """
    with engine.connect() as conn:
        make_label_indexes(conn, len(IDENTITY.labels))
        other = conn.execute(_OTHER, {"model": model.id}).scalar_one()
        conn.commit()
        values = {"model": model.id, "other": other}

        def store(count: int, times: int) -> None:
            for first in range(0, count * times, count):
                conn.execute(_STORE, {**values, "from": first, "count": count})

        def rolled_back(act: Callable[[], None], kind: str) -> None:
            if kind == "without":
                for table in ("tile", "tile_score"):
                    conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            act()
            conn.rollback()

        def delete() -> None:
            chosen = "SELECT id FROM tile ORDER BY id LIMIT 20000"
            conn.execute(text(f"DELETE FROM tile WHERE id IN ({chosen})"))

        processor, found = Processor(conn), {}
        for name, act in (
            ("storing 100,000 scores", lambda: store(100_000, 1)),
            ("storing 16 scores 500 times", lambda: store(16, 500)),
            ("deleting 20,000 tiles with scores", delete),
        ):
            spent: dict[str, list[float]] = {"without": [], "with": []}
            for turn in range(rounds):
                for kind in list(spent)[:: 1 if turn % 2 else -1]:
                    spent[kind].append(processor.spent_on(lambda a=act, k=kind: rolled_back(a, k)))
                    vacuum(engine)  # what was rolled back is still in the indexes
            least = {kind: min(times) for kind, times in spent.items()}
            found[name] = {**least, "ratio": round(least["with"] / least["without"], 2)}
            print(name, found[name], flush=True)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--tiles", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--without-cost", action="store_true", help="of storing and deleting")
    parser.add_argument("--sums", type=int, help="the lowest zooms alone, for so many tiles")
    parser.add_argument("--json", type=Path, help="where to write the results")
    arguments = parser.parse_args(argv)
    result: dict[str, Any] = {"machine": describe()}
    if arguments.sums:
        result[f"sums of {arguments.sums}"] = low_zooms(arguments.sums, arguments.rounds)
    for tiles in () if arguments.sums else arguments.tiles:
        side = math.isqrt(tiles)
        print(f"{tiles:,} tiles", flush=True)
        with scratch_database() as engine:
            model, seconds = made(engine, side)
            with engine.connect() as conn:
                sizes = {name: round(size) for name, size in conn.execute(_SIZES).all()}
            entry = {"seconds": seconds, "mebibytes": sizes}
            print(entry, flush=True)
            entry["zooms"] = by_zoom(engine, model, side, arguments.rounds)
            if not arguments.without_cost and tiles == min(arguments.tiles):
                entry["cost"] = cost(engine, model, max(3, arguments.rounds // 4))
        result[str(tiles)] = entry
    result["machine"]["load_after"] = load()
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")
