"""Costs of a server besides its answers: seconds until ready, memory over many tiles.

    python -m bench footprint --json bench/results/footprint.json

Runs `manage.py serve` as anybody would, on a database of its own with 2,120 pictures made for it,
its network converted before. Ready is when /readyz says so for the first time: processes, imports,
database, checksums, compiling and warming up. Memory is that of all its processes together
(resident; what they share counts once in each), after the first 1,000 tiles and after each 1,000
of the next 10,000, all of them inferred: what is known is forgotten in between.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bench import flow
from bench.machine import describe, load
from bench.scratch import scratch_database
from bench.serving import Client, Server, serve, start

COLUMNS = 25
TILES = COLUMNS * flow.ROWS
_POLL_S = 0.02


def resident_mb(pid: int) -> float:
    """Return what a process and those below it hold in memory, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return own * 1024 / 1e6 + sum(resident_mb(int(child)) for child in found.stdout.split())


@contextmanager
def served(engine: Engine) -> Iterator[tuple[Server, float]]:
    """Serve as ``manage.py serve`` does; gives the server and the seconds until it was ready."""
    began = time.perf_counter()
    server = start(
        serve,
        {"EARTHGQL_DATABASE_URL": engine.url.render_as_string(hide_password=False)},
    )
    try:
        while not flow.is_ready(server.port):
            time.sleep(_POLL_S)
        yield server, time.perf_counter() - began
    finally:
        server.stop()


def infer(engine: Engine, server: Server) -> None:
    """Have 1,000 tiles inferred, in two viewports."""
    flow.forget(engine)
    client = Client(server.port)
    for row in (0, flow.ROWS // 2):
        body = flow.viewport(0, row, COLUMNS, flow.ROWS // 2)
        answer = json.loads(client.ask("/graphql", body))
        assert answer["data"]["viewport"]["errors"] == [], answer


def measure(engine: Engine, starts: int, thousands: int) -> dict[str, Any]:
    ready = []
    for _ in range(starts):
        with served(engine) as (_, seconds):
            ready.append(seconds)
    with served(engine) as (server, _):
        memory = {"ready": resident_mb(server.process.pid)}
        for thousand in range(1, thousands + 2):
            infer(engine, server)
            memory[f"{thousand * TILES:,} tiles"] = resident_mb(server.process.pid)
            print(f"{thousand * TILES:,} tiles", file=sys.stderr, flush=True)
    return {
        "ready_s": {
            "median": round(statistics.median(ready), 2),
            "runs": [round(seconds, 2) for seconds in ready],
        },
        "resident_mb": {name: round(each) for name, each in memory.items()},
    }


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench footprint",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--starts", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--thousands", type=int, default=10, help="of tiles behind the first 1,000")
    parser.add_argument("--json", type=Path, help="file for the result, which is also printed")
    arguments = parser.parse_args(argv)
    result: dict[str, Any] = {"machine": describe()}
    with tempfile.TemporaryDirectory() as folder, scratch_database() as engine:
        flow.write_pictures(Path(folder))
        flow.ingest(engine, Path(folder))
        with served(engine):
            pass  # converts the network, where that was never done
        result |= measure(engine, arguments.starts, arguments.thousands)
    result["machine"]["load_after"] = load()
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
