"""Cold tiles over HTTP: this checkout against another one, each with bundles of its own.

    git worktree add ../before COMMIT && ln -s "$PWD/.venv" ../before/.venv
    python -m bench versions ../before=BUNDLE .=BUNDLE .=OTHER_BUNDLE --json result.json

Each is CHECKOUT=BUNDLE, the first what the others are compared with. Every checkout runs its own
code, in processes of its own, with a database and a var/ of its own; all run at once and take
turns, round by round: one viewport of 576 tiles, then 16 clients with 4 tiles six times each, none
of the tiles known. Only ratios within a round are meaningful.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.machine import describe, load

WORKER = Path(__file__).with_name("versions_worker.py").resolve()
WAYS = ("viewport", "clients")


@contextmanager
def working(which: str, precision: str) -> Iterator[subprocess.Popen[str]]:
    checkout, _, bundle = which.partition("=")
    environment = dict(os.environ, EARTHGQL_BUNDLE=str(Path(bundle).resolve()))
    if Path(checkout).resolve() != Path.cwd():
        environment["EARTHGQL_VAR_DIR"] = str(Path(checkout, "var").resolve())
    process = subprocess.Popen(
        [sys.executable, str(WORKER), precision],
        cwd=checkout,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n", f"{which} did not start"
        yield process
    finally:
        process.communicate(timeout=60)


def rate(process: subprocess.Popen[str], way: str) -> float:
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{way}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def measure(versions: list[str], precision: str, rounds: int) -> dict[str, Any]:
    rates: dict[str, dict[str, list[float]]] = {way: {v: [] for v in versions} for way in WAYS}
    with ExitStack() as stack:
        workers = {v: stack.enter_context(working(v, precision)) for v in versions}
        for number in range(rounds):
            for way, runs in rates.items():
                for version, worker in workers.items():
                    runs[version].append(rate(worker, way))
            told = {way: [round(r[-1]) for r in runs.values()] for way, runs in rates.items()}
            print(f"round {number + 1}: {told}, load {load()}", file=sys.stderr, flush=True)
    return {way: compared(runs) for way, runs in rates.items()}


def compared(runs: dict[str, list[float]]) -> dict[str, Any]:
    first = next(iter(runs.values()))
    return {
        version: {
            "median": round(statistics.median(each), 1),
            "ratio": round(statistics.median(a / b for a, b in zip(each, first, strict=True)), 2),
            "ratio_of_best": round(max(each) / max(first), 2),
            "runs": [round(one, 1) for one in each],
        }
        for version, each in runs.items()
    }


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench versions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("versions", nargs="+", metavar="CHECKOUT=BUNDLE")
    parser.add_argument("--precision", default="bf16", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=8, help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="file for the result, which is also printed")
    options = parser.parse_args(argv)
    machine = describe()
    result = measure(options.versions, options.precision, options.rounds)
    result = {
        "machine": {**machine, "load_after": load()},
        "precision": options.precision,
        **result,
    }
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
