"""Look-ups of the catalog at a million tiles, against the barest SQL that could answer them.

    python -m bench catalog --tiles 1000000 --json result.json

Works in a database of its own, made and dropped on the server of EARTHGQL_DATABASE_URL or on the
private one. Ratios matter, not the milliseconds.
"""

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from bench.machine import describe, load
from bench.scratch import ORIGIN, ZOOM, Block, scratch_database
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import tiles_at, tiles_in_bounds
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, LonLat, TileIndex
from earthgql.ingest.store import store

FLOOR_BOX = text(
    "SELECT id, scene_id, z, x, y FROM tile "
    "WHERE footprint && ST_MakeEnvelope(:w, :s, :e, :n, 4326) ORDER BY id LIMIT 1000"
)
FLOOR_POINT = text(
    "SELECT id, scene_id, z, x, y FROM tile "
    "WHERE footprint && ST_SetSRID(ST_Point(:x, :y), 4326) LIMIT 1"
)


def median_ms(ask: Callable[[], object], repeat: int = 200) -> float:
    ask()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        ask()
        times.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(times), 3)


def compare(conn: Connection, side: int) -> dict[str, object]:
    chance = random.Random(5)
    area = viewport(side, chance)
    box = dict(zip("wsen", area, strict=True))
    where = TileFilter()
    west, south, east, north = area
    points = [LonLat(chance.uniform(west, east), chance.uniform(south, north)) for _ in range(100)]
    x, y = points[0]
    result: dict[str, object] = {
        "viewport_tiles": len(tiles_in_bounds(conn, [area], where, limit=1000)),
        "viewport_ms": median_ms(lambda: tiles_in_bounds(conn, [area], where, limit=1000)),
        "viewport_floor_ms": median_ms(lambda: conn.execute(FLOOR_BOX, box).all()),
        "point_ms": median_ms(lambda: tiles_at(conn, points[:1], where)),
        "point_floor_ms": median_ms(lambda: conn.execute(FLOOR_POINT, {"x": x, "y": y}).all()),
        "points_100_ms": median_ms(lambda: tiles_at(conn, points, where), 50),
    }
    for name in ("viewport", "point"):
        ratio = float(result[f"{name}_ms"]) / float(result[f"{name}_floor_ms"])  # type: ignore[arg-type]
        result[f"{name}_ratio"] = round(ratio, 2)
    return result


def viewport(side: int, chance: random.Random) -> Bounds:
    """About 570 tiles, edges in the middle of tiles."""
    x = ORIGIN.x + chance.randrange(side // 2)
    y = ORIGIN.y + chance.randrange(side // 2)
    first = grid.tile_bounds(TileIndex(ZOOM, x, y))
    last = grid.tile_bounds(TileIndex(ZOOM, x + 29, y + 18))
    west, north = (first.west + first.east) / 2, (first.south + first.north) / 2
    return Bounds(west, (last.south + last.north) / 2, (last.west + last.east) / 2, north)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench catalog",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tiles", type=int, default=1_000_000, help="rows to look among (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="file for the result, which is also printed")
    arguments = parser.parse_args(argv)
    side, machine = math.isqrt(arguments.tiles), describe()
    with scratch_database() as engine:
        began, cpu = time.perf_counter(), time.process_time()
        store(engine, Block("base", ORIGIN, side))
        seconds = time.perf_counter() - began
        result: dict[str, Any] = {
            "machine": machine,
            "tiles": side**2,
            "ingest_s": round(seconds, 1),
            "ingest_client_cpu_s": round(time.process_time() - cpu, 1),
            "ingest_tiles_per_s": round(side**2 / seconds),
        }
        with engine.connect() as conn:
            conn.execution_options(isolation_level="AUTOCOMMIT")
            conn.execute(text("VACUUM ANALYZE tile"))
            result["one_scene"] = compare(conn, side)
        over = TileIndex(ZOOM, ORIGIN.x, ORIGIN.y)
        store(engine, Block("over", over, side // 2 + 30))
        with engine.connect() as conn:
            conn.execution_options(isolation_level="AUTOCOMMIT")
            conn.execute(text("VACUUM ANALYZE tile"))
            result["two_overlapping_scenes"] = compare(conn, side)
    result["machine"]["load_after"] = load()
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
