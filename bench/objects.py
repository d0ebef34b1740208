"""Tiles as GraphQL objects: plain Strawberry, direct resolvers, and the short cut over these.

    python -m bench objects --rounds 60

Three schemas of the same types in one process on one database, asked in turn, so that a busy moment
hits all of them: 500 and 2,000 tiles with their scores, and one tile at a point. Whole requests by
Flask's test client, medians in milliseconds, and medians of the ratios within each round. All give
the same bytes. Works in a database of its own, dropped at the end.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine
from strawberry.schema.config import StrawberryConfig

from bench.machine import describe, load
from bench.scratch import IDENTITY, scratch_database
from bench.scratch import window as window_of
from bench.warm import POINT, fill
from earthgql.api import schema as schemas
from earthgql.api.execution import http
from earthgql.api.execution.direct import use_direct_resolvers
from earthgql.api.execution.limits import LimitedParser
from earthgql.api.execution.scalar_objects import ScalarObjectExecution
from earthgql.app import create_app
from earthgql.settings import load_settings

KINDS = ("plain", "direct", "direct and short cut")
RATIOS = (("direct and short cut", "direct"), ("direct", "plain"))
FIELDS = "{ nodes { id z x y classification(cutoff: 0) { scores { label score } } } }"
OBJECTS_500 = f"query ($a: BoundsInput!) {{ tilesInBounds(bounds: $a, first: 500) {FIELDS} }}"
OBJECTS_2000 = f"""query ($a: BoundsInput!, $b: BoundsInput!) {{
  a: tilesInBounds(bounds: $a, first: 1000) {FIELDS}
  b: tilesInBounds(bounds: $b, first: 1000) {FIELDS} }}"""
TILES = 10_000


def make_schema(kind: str) -> schemas.Schema:
    """Make the schema of the API with one way to execute documents."""
    short_cut = kind == "direct and short cut"
    made = schemas.Schema(
        query=schemas.Query,
        mutation=schemas.Mutation,
        types=[schemas.Job, schemas.Tile, schemas.Scene, schemas.Model],
        extensions=[LimitedParser],
        execution_context_class=ScalarObjectExecution if short_cut else None,
        config=StrawberryConfig(scalar_map=schemas._SCALARS),
    )
    if kind != "plain":
        use_direct_resolvers(made._schema)
    return made


def make_clients(engine: Engine) -> dict[str, FlaskClient]:
    """Make an application for each kind; its classifier has a name and is never asked."""

    class Named:
        identity = IDENTITY
        batch_size = 32
        parallel = 1

        def warm_up(self) -> None:
            pass

    clients = {}
    usual = http.schema
    for kind in KINDS:
        http.schema = lambda kind=kind: make_schema(kind)  # type: ignore[misc]
        app = create_app(load_settings(), engine=engine, load_classifier=Named)  # type: ignore[arg-type]
        clients[kind] = app.test_client()
    http.schema = usual
    return clients


def cases() -> dict[str, tuple[dict[str, Any], int]]:
    """Return the requests, and how often each is sent for one measurement."""

    def bounds(x: int, y: int, columns: int, rows: int) -> dict[str, float]:
        window = window_of(x, y, columns, rows)
        return dict(zip(("west", "south", "east", "north"), window, strict=True))

    tile = window_of(50, 50, 1, 1)
    place = {"lat": (tile.south + tile.north) / 2, "lon": (tile.west + tile.east) / 2}
    halves = {"a": bounds(10, 10, 40, 25), "b": bounds(10, 35, 40, 25)}
    return {
        "500 objects": ({"query": OBJECTS_500, "variables": {"a": bounds(10, 10, 25, 20)}}, 1),
        "2,000 objects": ({"query": OBJECTS_2000, "variables": halves}, 1),
        "click": ({"query": POINT, "variables": place}, 20),
    }


def measure(
    clients: dict[str, FlaskClient], body: dict[str, Any], rounds: int, each: int
) -> dict[str, Any]:
    """Send a request to all clients in turn, beginning with another one in each round."""
    asks: dict[str, Callable[[], bytes]] = {
        kind: lambda client=client: client.post("/graphql", json=body).data  # type: ignore[misc]
        for kind, client in clients.items()
    }
    answers = {ask() for ask in asks.values() for _ in range(3)}
    assert len(answers) == 1
    assert "errors" not in json.loads(answers.pop())
    times: dict[str, list[float]] = {kind: [] for kind in asks}
    for number in range(rounds):
        first = number % len(KINDS)
        for kind in (*KINDS[first:], *KINDS[:first]):
            began = time.perf_counter()
            for _ in range(each):
                asks[kind]()
            times[kind].append((time.perf_counter() - began) * 1000 / each)
    return {
        "median_ms": {kind: round(statistics.median(each), 2) for kind, each in times.items()},
        "ratios": {
            f"{one} / {other}": round(
                statistics.median(a / b for a, b in zip(times[one], times[other], strict=True)), 3
            )
            for one, other in RATIOS
        },
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench objects",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=60, help="times each (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file to write the result to")
    arguments = parser.parse_args(argv)
    result: dict[str, Any] = {"machine": describe()}
    with scratch_database() as engine:
        fill(engine, TILES, IDENTITY)
        clients = make_clients(engine.execution_options(isolation_level="AUTOCOMMIT"))
        for name, (body, each) in cases().items():
            result[name] = measure(clients, body, arguments.rounds, each)
            print(name, json.dumps(result[name], indent=2), flush=True)
    result["machine"]["load_after"] = load()
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
