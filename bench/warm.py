"""Stored answers over HTTP: against a floor, against bare Strawberry, against tipg.

    python -m bench warm --json bench/results/warm.json --chart bench/results/warm.svg
    python -m bench warm --tables 10000 1000000 10000000

earthgql is `manage.py serve` as anybody runs it (16 threads, a database connection for each, the
model loaded, the worker of jobs beside it). The floor is Flask, psycopg2 and json.dumps giving out
the same rows with as many threads; bare Strawberry gives out the same objects from memory; tipg
gives out the same rows as GeoJSON features. One process each, asked in turn; medians and 95th
percentiles in milliseconds, and ratios of medians, which are what matters. All tiles of a table
have scores, made up; of more than a million, a million in a corner have. Works in databases of its
own, dropped at the end. tipg is installed into var/bench the first time (--without-tipg leaves it
out).
"""

import argparse
import json
import math
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from bench import peer
from bench.flow import is_ready
from bench.machine import describe, load
from bench.scratch import (
    IDENTITY,
    ORIGIN,
    Block,
    drop_label_indexes,
    fill_quickly,
    make_scores,
    scratch_database,
    vacuum,
)
from bench.scratch import window as window_of
from bench.serving import Client, Server, gunicorn, serve, start
from earthgql.catalog.label_indexes import make_label_indexes
from earthgql.catalog.models import register_model
from earthgql.catalog.tiles.columns import columns_in_bounds
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.lookup import tiles_at, tiles_in_bounds
from earthgql.imagery.grid import Bounds, LonLat
from earthgql.ingest.store import store
from earthgql.models import load_classifier
from earthgql.models.protocol import ModelIdentity
from earthgql.settings import load_settings

OBJECTS = """query ($b: BoundsInput!, $n: Int!) { tilesInBounds(bounds: $b, first: $n) {
  nodes { id z x y classification(cutoff: 0) { scores { label score } } } } }"""
BARE = """query ($n: Int!) { tilesInBounds(first: $n) {
  nodes { id z x y classification { scores { label score } } } } }"""
COLUMNS = """query ($b: BoundsInput!, $n: Int!) { viewport(bounds: $b, first: $n) {
  labels ids z x y scores tilesTotal tilesClassified errors { code message rows } } }"""
POINT = """query ($lat: Float!, $lon: Float!) { classifyPoint(lat: $lat, lon: $lon, cutoff: 0) {
  tile { id z x y } scores { label score } } }"""
VIEWPORTS = {50: (10, 5), 200: (20, 10), 500: (25, 20), 1000: (40, 25), 2000: (50, 40)}
CLIENTS = (1, 2, 4, 8, 16)
MOST_SCORED = 1_000_000
QUICKLY = 200_000

Ask = Callable[[], object]
Times = dict[str, list[float]]


def in_turn(asks: Mapping[str, Ask], rounds: int, each: int = 1, warm: int = 3) -> Times:
    """Ask each a few times, and again, so that a busy moment hits all of them."""
    times: Times = {name: [] for name in asks}
    for ask in asks.values():
        for _ in range(warm):
            ask()
    for _ in range(rounds):
        for name, ask in asks.items():
            for _ in range(each):
                began = time.perf_counter()
                ask()
                times[name].append((time.perf_counter() - began) * 1000)
    return times


def summary(times: Times) -> dict[str, dict[str, float]]:
    """Return median, 95th percentile and minimum of each, in milliseconds."""
    return {
        name: {
            "median_ms": round(statistics.median(each), 3),
            "p95_ms": round(sorted(each)[int(len(each) * 0.95)], 3),
            "least_ms": round(min(each), 3),
        }
        for name, each in times.items()
    }


def ratio(result: Mapping[str, Mapping[str, float]], one: str, other: str) -> float | None:
    if one not in result or other not in result:
        return None
    return round(result[one]["median_ms"] / result[other]["median_ms"], 2)


class Servers:
    """All servers on one database."""

    def __init__(self, stack: ExitStack, engine: Engine, tipg: bool) -> None:
        url = engine.url.render_as_string(hide_password=False)
        self.clients: dict[str, Client] = {}
        served = start(serve, {"EARTHGQL_DATABASE_URL": url})
        self._add(stack, "earthgql", served)
        while not is_ready(served.port):
            time.sleep(0.1)
        for name in ("floor", "bare"):
            self._add(stack, name, start(gunicorn(name), {"BENCH_DATABASE_URL": url}))
        if tipg:
            self._add(stack, "tipg", peer.start_tipg(engine))

    def _add(self, stack: ExitStack, name: str, server: Server) -> None:
        stack.callback(server.stop)
        self.clients[name] = Client(server.port)

    def viewport(self, tiles: int) -> dict[str, Ask]:
        """Ways to ask for so many tiles."""
        window = window_of(10, 10, *VIEWPORTS[tiles])
        bounds = dict(zip(("west", "south", "east", "north"), window, strict=True))
        variables = {"b": bounds, "n": tiles}
        asks: dict[str, Ask] = {
            "columns": self._graphql("earthgql", COLUMNS, variables),
            "floor": lambda: self.clients["floor"].ask(
                "/viewport", {"bounds": list(window), "first": tiles}
            ),
        }
        if tiles <= 1000:
            asks["objects"] = self._graphql("earthgql", OBJECTS, variables)
            asks["bare Strawberry"] = self._graphql("bare", BARE, {"n": tiles})
        if "tipg" in self.clients:
            asks["tipg"] = lambda: self.clients["tipg"].ask(peer.items(window, tiles))
        return asks

    def point(self, clients: Mapping[str, Client] | None = None) -> dict[str, Ask]:
        """Ways to ask for one tile."""
        use = clients or self.clients
        tile = window_of(50, 50, 1, 1)
        place = {"lat": (tile.south + tile.north) / 2, "lon": (tile.west + tile.east) / 2}
        body = {"query": POINT, "variables": place}
        asks: dict[str, Ask] = {
            "classifyPoint": lambda: use["earthgql"].ask("/graphql", body),
            "floor": lambda: use["floor"].ask("/point", place),
        }
        if "tipg" in use:
            hair = 1e-6
            box = Bounds(*(place["lon"], place["lat"]) * 2)
            box = Bounds(box.west - hair, box.south - hair, box.east + hair, box.north + hair)
            asks["tipg"] = lambda: use["tipg"].ask(peer.items(box, 1))
        return asks

    def _graphql(self, name: str, query: str, variables: dict[str, Any]) -> Ask:
        body = {"query": query, "variables": variables}
        return lambda: self.clients[name].ask("/graphql", body)


def fill(engine: Engine, tiles: int, identity: ModelIdentity) -> int:
    """Ingest a square of tiles and make up a model's scores for them; returns the model's id."""
    side = math.isqrt(tiles)
    if tiles > QUICKLY:
        fill_quickly(engine, side)
    else:
        store(engine, Block("base", ORIGIN, side))
    with engine.begin() as conn:
        model_id = register_model(conn, identity)
        drop_label_indexes(conn)
    make_scores(engine, model_id, min(side, math.isqrt(MOST_SCORED)))
    with engine.begin() as conn:
        # Made at once they take seconds, kept up to date row by row minutes.
        make_label_indexes(conn, len(identity.labels))
    vacuum(engine)
    return model_id


def check(servers: Servers) -> dict[str, int]:
    """See that all give the same number of tiles; returns the sizes of the answers in bytes."""
    asks = servers.viewport(500)
    answers = {name: ask() for name, ask in asks.items()}
    found = {name: json.loads(answer) for name, answer in answers.items()}  # type: ignore[arg-type]
    assert len(found["columns"]["data"]["viewport"]["ids"]) == 500
    assert found["columns"]["data"]["viewport"]["tilesClassified"] == 500
    assert len(found["floor"]["rows"]) == 500
    assert len(found["objects"]["data"]["tilesInBounds"]["nodes"]) == 500
    if "tipg" in found:
        assert len(found["tipg"]["features"]) == 500, found["tipg"]["numberReturned"]
    return {name: len(answer) for name, answer in answers.items()}  # type: ignore[arg-type]


def measure_http(engine: Engine, rounds: int, tipg: bool) -> dict[str, Any]:
    with ExitStack() as stack:
        servers = Servers(stack, engine, tipg)
        sizes = check(servers)
        viewports = {
            tiles: summary(
                in_turn(servers.viewport(tiles), rounds if tiles == 500 else rounds // 3)
            )
            for tiles in VIEWPORTS
        }
        point = summary(in_turn(servers.point(), rounds, each=10))
        clients = {count: measure_clients(servers, count, rounds * 8) for count in CLIENTS}
    at_500 = viewports[500]
    return {
        "bytes_of_500_tiles": sizes,
        "tiles_in_viewport": viewports,
        "point": point,
        "concurrent_clients": clients,
        "ratios": {
            "columns of 500 tiles / floor (at most 2)": ratio(at_500, "columns", "floor"),
            "objects of 500 tiles / bare Strawberry (at most 1.3)": ratio(
                at_500, "objects", "bare Strawberry"
            ),
            "classifyPoint / floor (at most 4)": ratio(point, "classifyPoint", "floor"),
            "columns of 500 tiles / tipg": ratio(at_500, "columns", "tipg"),
            "classifyPoint / tipg": ratio(point, "classifyPoint", "tipg"),
        },
    }


def measure_clients(servers: Servers, count: int, requests: int) -> dict[str, dict[str, float]]:
    """Ask for points with several clients at once; requests a second, and waiting times."""
    results = {}
    for name in servers.point():
        times: list[float] = []

        def visit(name: str = name, times: list[float] = times) -> None:
            mine = {server: Client(client.port) for server, client in servers.clients.items()}
            ask = servers.point(mine)[name]
            for _ in range(requests // count):
                began = time.perf_counter()
                ask()
                times.append((time.perf_counter() - began) * 1000)

        threads = [threading.Thread(target=visit) for _ in range(count)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - began
        results[name] = summary({name: times})[name] | {
            "per_second": round(len(times) / seconds, 1)
        }
    return results


def measure_tables(engines: Mapping[int, tuple[Engine, int]], rounds: int) -> dict[str, Any]:
    """Measure look-ups in tables of several sizes, in turn."""
    where = TileFilter()
    window = window_of(20, 20, 25, 20)
    place = LonLat((window.west + window.east) / 2, (window.south + window.north) / 2)
    labels = len(IDENTITY.labels)
    results: dict[str, Any] = {}
    with ExitStack() as stack:
        asks: dict[str, dict[str, Ask]] = {"tiles of 500": {}, "columns of 500": {}, "point": {}}
        for tiles, (engine, model) in engines.items():
            conn = stack.enter_context(engine.connect())
            conn = conn.execution_options(isolation_level="AUTOCOMMIT")
            asks["tiles of 500"][str(tiles)] = lambda conn=conn: tiles_in_bounds(
                conn, [window], where, limit=1000
            )
            asks["columns of 500"][str(tiles)] = lambda conn=conn, model=model: columns_in_bounds(
                conn, [window], where, model_id=model, labels=labels, limit=1000
            )
            asks["point"][str(tiles)] = lambda conn=conn: tiles_at(conn, [place], where)
        for name, by_size in asks.items():
            results[name] = summary(in_turn(by_size, rounds * 5))
    smallest = str(min(engines))
    results["ratios to the smallest (at most 1.3)"] = {
        name: {size: ratio(result, size, smallest) for size in result}
        for name, result in results.items()
    }
    return results


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench warm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=60, help="times each (default: %(default)s)")
    parser.add_argument(
        "--tables",
        type=int,
        nargs="+",
        default=[10_000, 1_000_000],
        help="rows of the tables to look among; servers use the first (default: 10^4 and 10^6)",
    )
    parser.add_argument("--without-tipg", action="store_true", help="leave the peer out")
    parser.add_argument("--json", type=Path, help="file to write the result to")
    parser.add_argument("--chart", type=Path, help="file to draw the curves to (SVG or PNG)")
    arguments = parser.parse_args(argv)
    result: dict[str, Any] = {"machine": describe()}
    identity = load_classifier(load_settings()).identity
    assert identity.labels == IDENTITY.labels, "the servers compared with have these labels"
    with ExitStack() as stack:
        engines = {}
        for tiles in sorted(arguments.tables):
            print(f"filling a table of {tiles:,} tiles", flush=True)
            engine = stack.enter_context(scratch_database())
            engines[tiles] = (engine, fill(engine, tiles, identity))
        with next(iter(engines.values()))[0].connect() as conn:
            result["machine"]["postgresql"] = conn.scalar(text("SHOW server_version"))
            result["machine"]["postgis"] = conn.scalar(text("SELECT postgis_lib_version()"))
        result["tiles_in_table"] = measure_tables(engines, arguments.rounds)
        first = engines[min(engines)][0]
        result |= measure_http(first, arguments.rounds, not arguments.without_tipg)
    result["machine"]["load_after"] = load()
    print(json.dumps(result["ratios"] | result["tiles_in_table"], indent=2))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    if arguments.chart:
        from bench.warm_chart import draw

        draw(result, arguments.chart)


if __name__ == "__main__":
    main()
