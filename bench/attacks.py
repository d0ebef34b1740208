"""What one stranger's connections do to everybody else: four attacks on a real server.

    python -m bench attacks --json bench/results/attacks.json
    python -m bench attacks --servers        # the HTTP servers side by side, with their throughput

Each attack keeps so many connections open for some seconds, and opens another for each that the
server closes: with unfinished headers (a line a second), with bodies that do not come (a byte a
second), with answers of 5 MB that nobody reads, and with nothing at all. Meanwhile another address
asks for /healthz every 50 ms and clicks (classifyPoint, scores stored) without a pause, each time
on a new connection. Attackers, probes and server share the processor.
"""

import argparse
import http.client
import json
import os
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from bench import http_servers
from bench.flow import is_ready
from bench.footprint import resident_mb
from bench.machine import describe, load
from bench.scratch import scratch_database, window
from bench.serving import THREADS, Client, Server, serve, start
from bench.stranger import Stranger, attacks, large_body
from bench.warm import COLUMNS, POINT, fill
from earthgql.models import load_classifier
from earthgql.settings import load_settings

PATIENCE_S = 20.0
"""A probe that has no answer after this time counts as one of so long."""

HEALTH_EVERY_S = 0.05


def bounds(x: int, y: int, columns: int, rows: int) -> dict[str, float]:
    edges = ("west", "south", "east", "north")
    return dict(zip(edges, window(x, y, columns, rows), strict=True))


def click_body() -> dict[str, Any]:
    tile = window(50, 50, 1, 1)
    place = {"lat": (tile.south + tile.north) / 2, "lon": (tile.west + tile.east) / 2}
    return {"query": POINT, "variables": place}


def ask(port: int, path: str, body: bytes | None = None) -> None:
    """Ask once, on a connection of its own."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        headers = {"Content-Type": "application/json"} if body else {}
        link.request("POST" if body else "GET", path, body, headers)
        response = link.getresponse()
        answer = response.read()
        assert response.status == 200, answer[:300]
        assert b'"errors":[{' not in answer, answer[:300]
    finally:
        link.close()


class Probe(threading.Thread):
    """Asks again and again; keeps the milliseconds that each answer took."""

    def __init__(self, once: Callable[[], None], every_s: float, over: threading.Event) -> None:
        super().__init__()
        self.times: list[float] = []
        self.failures: list[str] = []
        self._once, self._every_s, self._over = once, every_s, over

    def run(self) -> None:
        while not self._over.is_set():
            began = time.perf_counter()
            try:
                self._once()
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.failures.append(repr(error)[:200])
            took = time.perf_counter() - began
            self.times.append(took * 1000)
            self._over.wait(self._every_s - took)

    def summary(self) -> dict[str, Any]:
        ordered = sorted(self.times)
        return {
            "median_ms": round(statistics.median(ordered), 1),
            "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 1),
            "longest_ms": round(ordered[-1], 1),
            "answers": len(ordered) - len(self.failures),
            "failures": len(self.failures),
            **({"first_failure": self.failures[0]} if self.failures else {}),
        }


def observe(port: int, seconds: float) -> dict[str, Any]:
    """Return what another client sees for some seconds."""
    over = threading.Event()
    click = json.dumps(click_body()).encode()
    probes = {
        "health": Probe(lambda: ask(port, "/healthz"), HEALTH_EVERY_S, over),
        "click": Probe(lambda: ask(port, "/graphql", click), 0.0, over),
    }
    for probe in probes.values():
        probe.start()
    time.sleep(seconds)
    over.set()
    for probe in probes.values():
        probe.join()
    return {name: probe.summary() for name, probe in probes.items()}


def measure_attacks(
    port: int, pid: int, connections: Sequence[int], seconds: float
) -> dict[str, Any]:
    tiles, area = 1000, bounds(5, 5, 40, 25)
    size = len(Client(port).ask("/graphql", json.loads(large_body(area, tiles))))
    assert size > 5_000_000, size
    found: dict[str, Any] = {"nothing": observe(port, seconds)}
    for name, attack in attacks(area, tiles).items():
        for count in connections:
            with Stranger(port, attack, count) as stranger:
                time.sleep(1)
                seen = observe(port, seconds)
            seen |= {"opened": stranger.opened, "resident_mb": round(resident_mb(pid))}
            found[f"{count} {name}"] = seen
            print(f"  {count} {name}: {seen}", file=sys.stderr, flush=True)
            _recover(port)
    return found


def _recover(port: int) -> None:
    """Wait until the server answers promptly again."""
    until = time.monotonic() + 3 * PATIENCE_S
    while time.monotonic() < until:
        began = time.monotonic()
        with suppress(OSError, http.client.HTTPException, AssertionError):
            ask(port, "/healthz")
            if time.monotonic() - began < 0.5:
                return
        time.sleep(0.5)


def measure_rates(servers: Mapping[str, Server], seconds: float, rounds: int) -> dict[str, Any]:
    """Clicks of 4 clients, and viewports of 2,000 tiles of one, over kept connections.

    Servers take turns of some seconds, so that a busy moment hits all of them. Besides how many
    are answered in a second: what each takes of the processor, which depends less on what else
    the machine does.
    """
    view = {"query": COLUMNS, "variables": {"b": bounds(10, 10, 50, 40), "n": 2000}}
    work = (("clicks", click_body(), 4), ("viewports", view, 1))
    for server in servers.values():
        for _, body, clients in work:
            answered(server, body, clients, 1)
    found: dict[str, Any] = {name: {} for name in servers}
    for _ in range(rounds):
        for what, body, clients in work:
            for name, server in servers.items():
                for key, value in answered(server, body, clients, seconds).items():
                    found[name].setdefault(f"{what}_{key}", []).append(value)
    return found


def answered(
    server: Server, body: Mapping[str, Any], clients: int, seconds: float
) -> dict[str, float]:
    """Return how many requests of some clients are answered in a second, and their cost."""
    over, done = threading.Event(), []

    def visit() -> None:
        client = Client(server.port)
        while not over.is_set():
            client.ask("/graphql", body)
            done.append(1)

    threads = [threading.Thread(target=visit) for _ in range(clients)]
    began, spent = time.perf_counter(), processor_s(server.process.pid)
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()
    return {
        "per_second": round(len(done) / (time.perf_counter() - began), 1),
        "processor_ms": round((processor_s(server.process.pid) - spent) * 1000 / len(done), 2),
    }


def processor_s(pid: int) -> float:
    """Return the processor time of a process and of those below it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(processor_s(int(child)) for child in children)


@contextmanager
def running(command: Callable[[int], list[str]], engine: Engine, pool: int = THREADS) -> Any:
    began = time.perf_counter()
    url = engine.url.render_as_string(hide_password=False)
    settings = {"EARTHGQL_POOL_SIZE": str(pool), "EARTHGQL_JOB_WORKER": "off"}
    server = start(command, {"EARTHGQL_DATABASE_URL": url, **settings})
    try:
        while not _ready(server):
            time.sleep(0.02)
        yield server, round(time.perf_counter() - began, 2)
    finally:
        server.stop()


def _ready(server: Server) -> bool:
    assert server.process.poll() is None
    try:
        return is_ready(server.port)
    except OSError:
        return False


def compare(engine: Engine, names: Sequence[str], seconds: float, rounds: int) -> dict[str, Any]:
    http_servers.install()
    commands = {name: http_servers.command(name) for name in names} | {"serve": serve}
    found: dict[str, Any] = {name: {} for name in commands}
    with ExitStack() as stack:
        servers = {}
        for name, command in commands.items():
            server, ready_s = stack.enter_context(running(command, engine, pool=4))
            memory = round(resident_mb(server.process.pid))
            found[name] = {"ready_s": ready_s, "resident_mb": memory}
            servers[name] = server
        for name, rates in measure_rates(servers, seconds / 4, rounds).items():
            found[name] |= rates
            print(name, rates, file=sys.stderr, flush=True)
    for name, command in commands.items():
        print(name, file=sys.stderr, flush=True)
        with running(command, engine) as (server, _):
            found[name]["attacks"] = measure_attacks(
                server.port, server.process.pid, (16, 64), seconds
            )
    return found


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench attacks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=10, help="an attack (default: 10)")
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 128, 512])
    parser.add_argument("--rounds", type=int, default=3, help="of throughput, with --servers")
    parser.add_argument("--servers", nargs="*", help="compare these, by default all")
    parser.add_argument("--json", type=Path, help="file for the result, which is also printed")
    arguments = parser.parse_args(argv)
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    result: dict[str, Any] = {"machine": describe()}
    identity = load_classifier(load_settings()).identity
    with scratch_database() as engine:
        fill(engine, 10_000, identity)
        if arguments.servers is not None:
            names = arguments.servers or list(http_servers.SERVERS)
            result["servers"] = compare(engine, names, arguments.seconds, arguments.rounds)
        else:
            with running(serve, engine) as (server, ready_s):
                result["ready_s"] = ready_s
                result |= measure_rates({"serve": server}, arguments.seconds, 1)["serve"]
                result["attacks"] = measure_attacks(
                    server.port, server.process.pid, arguments.connections, arguments.seconds
                )
    result["machine"]["load_after"] = load()
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
