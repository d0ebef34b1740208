"""Cold tiles: earthgql against what one would otherwise pick, same tiles, same weights.

    python -m bench engines

(a) a Flask application that answers one tile a request with Keras's `predict`, 1 and 8 clients;
(b) LitServe with the Keras model and its batching, 64 clients, batches of up to 16 and 32; (c) a
frozen TensorFlow graph in batches of 32, in process; (d) OpenVINO's own benchmark, as it is run by
default and with the batches that earthgql uses: the ceiling; (e) earthgql over HTTP with empty
tables, as `manage.py serve` runs it: one viewport, and 16 clients with 4 tiles each. All take
turns, round by round, at f32 or bf16, whichever is the default here, and at int8. Writes
bench/results/engines.json and a chart beside it. The first time, LitServe is installed into
var/bench (--without-litserve leaves it out), and the network is quantised.
"""

import argparse
import json
import os
import re
import signal
import site
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from bench import flow, peer
from bench.machine import describe
from bench.scratch import ORIGIN, ZOOM, scratch_database
from bench.serving import THREADS, Client, Server, start
from earthgql.imagery.pictures import read_picture
from earthgql.models.bundle import verify_bundle
from earthgql.models.engines.openvino.networks import Network, float_network, has_int8, int8_network
from earthgql.models.engines.openvino.runtime import has_bf16
from earthgql.models.loading import bundle_folder, openvino_classifier, tensorflow_classifier
from earthgql.models.protocol import classify_all
from earthgql.settings import PROJECT_ROOT, Settings, load_settings

RESULTS = Path(__file__).parent / "results"
# Its telemetry would report to a server abroad.
BENCHMARK_APP = """
import sys
sys.modules["openvino_telemetry"] = None
from openvino.tools.benchmark.main import main
main()
"""
LITSERVE_CLIENTS = 64
REPEATED = 4
Way = Callable[[], float]
"""Measures once: tiles per second."""


def http_rate(server: Server, clients: int, tiles: int, ask: Callable[[Client, str], Any]) -> float:
    """Tiles per second of clients that each ask for one tile after the other."""
    places = [f"{ZOOM}/{ORIGIN.x + n // 40}/{ORIGIN.y + n % 40}" for n in range(tiles)]
    kept = [Client(server.port) for _ in range(clients)]

    def work(number: int) -> None:
        for place in places[number::clients]:
            ask(kept[number], place)

    with ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        list(pool.map(work, range(clients)))
        return tiles / (time.perf_counter() - began)


def ask_flask(client: Client, place: str) -> Any:
    return client.ask(f"/classify/{place}")


def ask_litserve(client: Client, place: str) -> Any:
    return client.ask("/predict", {"place": place})


def viewport_rate(engine: Engine, server: Server, side: int) -> float:
    """One viewport of ``side`` x ``side`` tiles, none of them known."""
    flow.forget(engine)
    client = Client(server.port)
    body = flow.viewport(0, 0, side, side)
    before = flow.counts(server)["tiles"]
    began = time.perf_counter()
    answer = json.loads(client.ask("/graphql", body))
    seconds = time.perf_counter() - began
    assert answer["data"]["viewport"]["errors"] == [], answer
    assert flow.counts(server)["tiles"] == before + side * side, "some were known"
    return side * side / seconds


def several(measure: Way) -> Way:
    """Measure as long as the ceiling is measured, about; the machine changes from second to second.

    Each time does the same work, so the rate of all is the harmonic mean.
    """
    return lambda: statistics.harmonic_mean([measure() for _ in range(REPEATED)])


def ceiling(network: Network, shape: str, precision: str, seconds: int) -> float:
    """OpenVINO's benchmark_app on the very network that earthgql runs."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", BENCHMARK_APP, "-m", str(network.path), "-d", "CPU"),
            *("-hint", "throughput", "-t", str(seconds), "-shape", shape),
            *("-layout", "[NHWC]", "-infer_precision", precision),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Throughput:\s+([\d.]+) FPS", done.stdout)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return float(found[1])


def frozen_rate(settings: Settings, folder: Path, tiles: int) -> Way:
    classifier = tensorflow_classifier(bundle_folder(settings), settings)
    classifier.warm_up()
    paths = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))[:tiles]
    pixels = np.stack([read_picture(str(folder), str(folder), path) for path in paths])
    classify_all(classifier, pixels[:32])

    def measure() -> float:
        began = time.perf_counter()
        classify_all(classifier, pixels)
        return tiles / (time.perf_counter() - began)

    return measure


@contextmanager
def running(command: Callable[[int], list[str]], environment: dict[str, str]) -> Iterator[Server]:
    server = start(command, environment)
    try:
        yield server
    finally:
        # The session too: LitServe leaves its workers behind.
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(server.process.pid, signal.SIGCONT)
            os.killpg(server.process.pid, signal.SIGTERM)
            server.process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)


def awake(server: Server, measure: Way) -> Way:
    """Let a server run only while it is measured: idle, LitServe takes a sixth of a core."""
    group = os.getpgid(server.process.pid)

    def way() -> float:
        os.killpg(group, signal.SIGCONT)
        try:
            return measure()
        finally:
            os.killpg(group, signal.SIGSTOP)

    return way


def settle(way: Way) -> None:
    """Measure once for nothing: what was started may still be loading its model."""
    for _ in range(5):
        with suppress(TimeoutError):
            way()
            return
    raise RuntimeError("a server does not get ready")


def quantise(bundle: Path) -> None:
    print("Quantising the network, two minutes", file=sys.stderr, flush=True)
    manage = [sys.executable, str(PROJECT_ROOT / "manage.py")]
    subprocess.run([*manage, "model", "optimize", str(bundle), "--int8"], check=True)


def litserve(batch: int, environment: dict[str, str]) -> AbstractContextManager[Server]:
    python = str(peer.installed("litserve", peer.LITSERVE))
    paths = [str(PROJECT_ROOT), *site.getsitepackages()]
    more = {"PYTHONPATH": os.pathsep.join(paths), "BENCH_BATCH": str(batch)}
    return running(
        lambda port: [python, "-m", "bench.litserve_server", str(port)], {**environment, **more}
    )


def flask_command(port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", str(THREADS)),
        *("--bind", f"127.0.0.1:{port}", "--log-level", "error", "--no-control-socket"),
        *("--timeout", "300", "bench.engine_servers:flask()"),
    ]


def ways(
    stack: ExitStack, engine: Engine, folder: Path, options: argparse.Namespace
) -> dict[str, Way]:
    """Start everything that is compared; returns how each is measured once."""
    settings = load_settings()
    bundle = bundle_folder(settings)
    manifest = verify_bundle(bundle)
    size, few, side = manifest.input.spec.size, options.few, options.side
    environment = {"BENCH_BUNDLE": str(bundle), "BENCH_TILES": str(folder)}
    found: dict[str, Way] = {}
    flask = stack.enter_context(running(flask_command, environment))
    found["a Flask, 1 client"] = lambda: http_rate(flask, 1, few, ask_flask)
    found["a Flask, 8 clients"] = lambda: http_rate(flask, 8, 2 * few, ask_flask)
    for batch in () if options.without_litserve else (16, 32):
        lit = stack.enter_context(litserve(batch, environment))
        found[f"b LitServe, batches of {batch}"] = awake(
            lit,
            lambda s=lit: http_rate(s, LITSERVE_CLIENTS, 4 * few, ask_litserve),  # type: ignore[misc]
        )
    plain = settings.model_copy(update={"precision": "f32", "engine": "tensorflow"})
    found["c frozen TensorFlow, batches of 32"] = frozen_rate(plain, folder, 4 * few)
    best = "bf16" if has_bf16() else "f32"
    networks = {best: stack.enter_context(float_network(bundle, manifest, settings.var_dir))}
    if not has_int8(bundle, manifest, settings.var_dir):
        quantise(bundle)
    networks["int8"] = int8_network(bundle, manifest, settings.var_dir)
    for name, network in networks.items():
        chosen = settings.model_copy(update={"engine": "openvino", "precision": name})
        for batch in sorted({1, openvino_classifier(bundle, chosen).batch_size}):
            label = "" if batch == 1 else f", batches of {batch}"
            found[f"d OpenVINO's benchmark, {name}{label}"] = lambda n=network, b=batch: ceiling(  # type: ignore[misc]
                n, f"[{b},{size},{size},3]", best, options.seconds
            )
        server = stack.enter_context(flow.serving(engine, chosen))
        found[f"e earthgql, one viewport, {name}"] = several(
            lambda s=server: viewport_rate(engine, s, side)  # type: ignore[misc]
        )
        found[f"e earthgql, 16 clients, {name}"] = several(
            lambda s=server: flow.many_clients(engine, s, 4)["tiles_per_s"]  # type: ignore[misc]
        )
    for way in found.values():
        settle(way)
    return found


def ratios(rates: dict[str, list[float]]) -> dict[str, float]:
    """Medians over rounds of earthgql's rate by that of each other way."""
    found = {}
    for ours in (name for name in rates if name.startswith("e ")):
        precision = ours.rpartition(", ")[2]
        for other, theirs in rates.items():
            if other.startswith("e ") or (other.startswith("d ") and f", {precision}" not in other):
                continue
            found[f"{ours} / {other}"] = ratio(rates[ours], theirs)
    for name, theirs in rates.items():
        eight = next((n for n in rates if n.startswith(name.rpartition(", ")[0] + ", int8")), None)
        if name[0] in "de" and eight not in (None, name) and "batches" not in name:
            found[f"{eight} / {name}"] = ratio(rates[eight], theirs)  # type: ignore[index]
    return found


def ratio(ours: list[float], theirs: list[float]) -> float:
    return round(statistics.median(o / t for o, t in zip(ours, theirs, strict=True)), 2)


def chart(result: dict[str, Any], path: Path) -> None:
    from matplotlib.figure import Figure

    names = list(result["tiles_per_s"])[::-1]
    rates = [result["tiles_per_s"][name]["median"] for name in names]
    figure = Figure(figsize=(8, 0.45 * len(names) + 1.2), layout="constrained")
    axis = figure.add_subplot()
    colours = ["tab:green" if name.startswith("e ") else "tab:gray" for name in names]
    axis.bar_label(axis.barh(names, rates, color=colours), fmt="%.1f", padding=3)
    axis.set_xlabel("tiles per second, none of them known before (median)")
    axis.set_title(f"{result['machine']['processor']}, {result['machine']['cores']} cores")
    axis.margins(x=0.12)
    figure.savefig(path, dpi=120)


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench engines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--side", type=int, default=16, help="of the viewport, in tiles")
    parser.add_argument("--few", type=int, default=64, help="tiles for (a), (b) and (c)")
    parser.add_argument("--seconds", type=int, default=8, help="of each run of (d)")
    parser.add_argument("--without-litserve", action="store_true", help="leave (b) out")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of JSON and chart")
    options = parser.parse_args(argv)
    machine = describe()
    with (
        tempfile.TemporaryDirectory() as folder,
        scratch_database() as engine,
        ExitStack() as stack,
    ):
        flow.write_pictures(Path(folder))
        flow.ingest(engine, Path(folder))
        measured = ways(stack, engine, Path(folder), options)
        rates: dict[str, list[float]] = {name: [] for name in measured}
        for number in range(options.rounds):
            for name, way in measured.items():
                rates[name].append(way())
                print(f"round {number + 1}: {name}: {rates[name][-1]:.1f}", file=sys.stderr)
    settings = load_settings()
    bundle = bundle_folder(settings)
    manifest = verify_bundle(bundle)
    result = {
        "machine": {**machine, "load_after": [round(part, 1) for part in os.getloadavg()]},
        "versions": {name: version(name) for name in ("openvino", "tensorflow", "keras")},
        "model": f"{manifest.name} {manifest.version}, input {manifest.input.spec.size}",
        "settings": {
            **{"flask_threads": THREADS, "viewport_tiles": options.side**2},
            "litserve_clients": LITSERVE_CLIENTS,
        },
        "tiles_per_s": {
            name: {
                "median": round(statistics.median(runs), 1),
                "runs": [round(rate, 1) for rate in runs],
            }
            for name, runs in rates.items()
        },
        "ratios": ratios(rates),
        "int8": int8_network(bundle, manifest, settings.var_dir).report,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "engines.json").write_text(json.dumps(result, indent=2) + "\n")
    chart(result, options.out / "engines.png")
    print(json.dumps(result, indent=2))
