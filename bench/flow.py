"""Requests that come together: how well they are joined, and what a click waits for a viewport.

    python -m bench flow --engine openvino --precision bf16 --json result.json

Works in a database of its own with 2,120 pictures made for it. Three questions, for each engine,
their parts interleaved: does classifying ahead run at the engine's own rate; do 16 clients that
ask for 4 tiles each, none of them known, keep it busy together; and how long does a click take
while a viewport of 2,000 tiles is being classified. Ratios matter, not the milliseconds.
"""

import argparse
import http.client
import json
import math
import statistics
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sqlalchemy import Engine, text

from bench.machine import describe, load
from bench.scratch import ORIGIN, ZOOM, scratch_database, window
from bench.serving import Client, Server, start
from earthgql.catalog.tiles.lookup import sources_by_ids
from earthgql.catalog.tiles.unscored import TileScope
from earthgql.cli.classify.run import fill
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.reading import read_tile
from earthgql.ingest.picture_folder import PictureFolder
from earthgql.ingest.pyramid_source import PyramidSource
from earthgql.ingest.scene_source import SceneMetadata
from earthgql.ingest.store import store
from earthgql.models import load_classifier
from earthgql.models.protocol import Classifier, classify_all
from earthgql.scoring.service import ScoringService
from earthgql.settings import Settings, load_settings

COLUMNS, ROWS = 53, 40
VIEWPORT_COLUMNS = 50
CLIENTS, TILES_EACH = 16, 4
CLICKS = 40
VIEWPORT = """
query ($b: BoundsInput!) { viewport(bounds: $b, first: 2000) { scores errors { code message } } }
"""
POINT = "query ($lat: Float!, $lon: Float!) { classifyPoint(lat: $lat, lon: $lon) { labels } }"


def write_pictures(folder: Path) -> None:
    """Write a pyramid: soft noise, as large as pictures of the ground are as JPEG."""
    chance = np.random.default_rng(5)
    pictures = []
    for _ in range(16):
        coarse = chance.integers(0, 255, (32, 32, 3)).astype(np.uint8)
        soft = cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC).astype(np.int16)
        pixels = np.clip(soft + chance.normal(0, 6, soft.shape), 0, 255).astype(np.uint8)
        pictures.append(cv2.imencode(".jpg", pixels)[1].tobytes())
    for x in range(COLUMNS):
        column = folder / str(ZOOM) / str(ORIGIN.x + x)
        column.mkdir(parents=True)
        for y in range(ROWS):
            picture = pictures[(x * 7 + y) % len(pictures)]
            (column / f"{ORIGIN.y + y}.jpg").write_bytes(picture)


def ingest(engine: Engine, folder: Path) -> None:
    facts = SceneMetadata(None, None)
    source = PyramidSource("flow", str(folder), "xyz", PictureFolder(folder), facts)
    assert store(engine, source).tiles == COLUMNS * ROWS


def forget(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM tile_score"))


def engine_rate(engine: Engine, classifier: Classifier, tiles: int) -> float:
    """Tiles per second of the engine alone, pixels in memory."""
    with engine.connect() as conn:
        ids = list(conn.scalars(text("SELECT id FROM tile ORDER BY id LIMIT :n"), {"n": tiles}))
        sources = sources_by_ids(conn, ids)
    pixels = np.stack([read_tile(sources[i]) for i in ids])
    began = time.perf_counter()
    classify_all(classifier, pixels)
    return tiles / (time.perf_counter() - began)


def ahead_rate(engine: Engine, classifier: Classifier, tiles: int) -> float:
    """Tiles per second of `manage.py classify`: look up, read, infer, store."""
    forget(engine)
    columns = math.ceil(tiles / ROWS)
    choice = TileScope("flow", (window(0, 0, columns, ROWS),))
    service = ScoringService(
        engine, lambda: classifier, math.inf, queue_size=0, max_batch_s=math.inf
    )
    _ = service.model
    began = time.perf_counter()
    filled = fill(engine, service, choice, columns * ROWS)
    seconds = time.perf_counter() - began
    service.close()
    assert filled.done == columns * ROWS
    return filled.done / seconds


@contextmanager
def serving(engine: Engine, settings: Settings) -> Iterator[Server]:
    """Run the server of a bench, with its model loaded and registered."""
    environment = {
        "EARTHGQL_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "EARTHGQL_ENGINE": settings.engine,
        "EARTHGQL_PRECISION": settings.precision,
        # What runs out of time would be asked for again.
        "EARTHGQL_INFERENCE_DEADLINE": "120",
    }
    server = start(
        lambda port: [
            *(sys.executable, "-m", "bench.flow_server", "--bind", f"127.0.0.1:{port}"),
        ],
        environment,
    )
    try:
        while not is_ready(server.port):
            time.sleep(0.2)
        yield server
    finally:
        server.stop()


def is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/readyz")
    ready = connection.getresponse().status == 200
    connection.close()
    return ready


def counts(server: Server) -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/counts") as response:
        found: dict[str, int] = json.load(response)
        return found


def processor(server: Server) -> dict[str, float]:
    """Seconds of the processor that the server has taken, by kind of thread."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/cpu") as response:
        found: dict[str, float] = json.load(response)
        return found


def viewport(x: int, y: int, columns: int, rows: int) -> dict[str, Any]:
    edges = ("west", "south", "east", "north")
    bounds = dict(zip(edges, window(x, y, columns, rows), strict=True))
    return {"query": VIEWPORT, "variables": {"b": bounds}}


def many_clients(engine: Engine, server: Server, each: int) -> dict[str, Any]:
    """16 clients, each asking for 4 tiles, then for 4 others, all cold."""
    forget(engine)
    places = [(x, y) for y in range(0, ROWS, 2) for x in range(0, VIEWPORT_COLUMNS, 2)]
    work = iter(places[: CLIENTS * each])
    taking = threading.Lock()
    before, spent = counts(server), processor(server)
    begin = threading.Barrier(CLIENTS + 1)

    def ask() -> None:
        client = Client(server.port)
        begin.wait()
        while True:
            with taking:
                place = next(work, None)
            if place is None:
                return
            answer = json.loads(client.ask("/graphql", viewport(*place, 2, 2)))
            assert not answer["data"]["viewport"]["errors"], answer

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    after = counts(server)
    tiles = after["tiles"] - before["tiles"]
    # What ran when a viewport's time was over is not inferred again.
    assert 0.9 < tiles / (CLIENTS * each * TILES_EACH) <= 1
    return {
        "tiles_per_s": tiles / seconds,
        "mean_batch": tiles / (after["batches"] - before["batches"]),
        "processor_ms": {
            kind: 1000 * (seconds - spent.get(kind, 0.0)) / tiles
            for kind, seconds in processor(server).items()
        },
    }


def clicks(server: Server, number: int, fresh: Iterator[int]) -> list[float]:
    """Milliseconds of clicks on tiles that nobody asked for yet, one after the other."""
    client = Client(server.port)
    times = []
    for place in (next(fresh) for _ in range(number)):
        x, y = VIEWPORT_COLUMNS + place // ROWS, place % ROWS
        west, south, east, north = grid.tile_bounds(TileIndex(ZOOM, ORIGIN.x + x, ORIGIN.y + y))
        where = {"lat": (south + north) / 2, "lon": (west + east) / 2}
        began = time.perf_counter()
        client.ask("/graphql", {"query": POINT, "variables": where})
        times.append((time.perf_counter() - began) * 1000)
    return times


def clicks_under_viewport(server: Server, number: int, fresh: Iterator[int]) -> list[float]:
    """Do clicks while a viewport of 2,000 tiles is on its way, from its start."""

    def look() -> None:
        body = json.dumps(viewport(0, 0, VIEWPORT_COLUMNS, ROWS))
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
        connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
        connection.close()

    looking = threading.Thread(target=look)
    looking.start()
    while counts(server)["in_flight"] < 1000:
        time.sleep(0.01)
    times = clicks(server, number, fresh)
    assert counts(server)["in_flight"] > 0, "the viewport was done before the clicks were"
    looking.join()
    return times


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20, method="inclusive")[-1]


def measure(engine: Engine, settings: Settings, rounds: int, quick: bool) -> dict[str, Any]:
    tiles = 80 if quick else 320
    classifier = load_classifier(settings)
    classifier.warm_up()
    own, ahead, joined = [], [], []
    alone: list[float] = []
    under: list[float] = []
    for _ in range(rounds):
        own.append(engine_rate(engine, classifier, tiles))
        ahead.append(ahead_rate(engine, classifier, tiles))
    precision = "int8" if settings.precision == "int8" else getattr(classifier, "precision", "f32")
    del classifier
    with serving(engine, settings) as server:
        many_clients(engine, server, 1)
        for _ in range(rounds):
            joined.append(many_clients(engine, server, 2 if quick else 6))
            forget(engine)
            fresh = count()
            alone += clicks(server, CLICKS, fresh)
            under += clicks_under_viewport(server, CLICKS, fresh)
    together = [run["tiles_per_s"] for run in joined]
    own_rate = statistics.median(own)
    return {
        "precision": precision,
        "engine_tiles_per_s": round(own_rate, 1),
        "ahead_tiles_per_s": round(statistics.median(ahead), 1),
        "ahead_ratio": round(statistics.median(a / o for a, o in zip(ahead, own, strict=True)), 3),
        "clients_tiles_per_s": round(statistics.median(together), 1),
        "clients_ratio": round(statistics.median(together) / own_rate, 3),
        "clients_mean_batch": round(statistics.median(run["mean_batch"] for run in joined), 1),
        "clients_processor_ms": {
            kind: round(statistics.median(run["processor_ms"].get(kind, 0.0) for run in joined), 2)
            for kind in joined[0]["processor_ms"]
        },
        "clicks": len(alone),
        "click_alone_p50_ms": round(statistics.median(alone), 1),
        "click_alone_p95_ms": round(p95(alone), 1),
        "click_under_viewport_p50_ms": round(statistics.median(under), 1),
        "click_under_viewport_p95_ms": round(p95(under), 1),
        "click_p95_ratio": round(p95(under) / p95(alone), 2),
    }


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench flow",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--engine", action="append", choices=["openvino", "tensorflow"], help="default: both"
    )
    parser.add_argument(
        "--precision",
        action="append",
        choices=["auto", "f32", "bf16", "int8"],
        help="of OpenVINO; default: auto and int8 (which takes manage.py model optimize)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="fewer tiles, for a first look")
    parser.add_argument("--json", type=Path, help="file for the result, which is also printed")
    arguments = parser.parse_args(argv)
    result: dict[str, Any] = {"machine": describe()}
    with tempfile.TemporaryDirectory() as folder, scratch_database() as engine:
        write_pictures(Path(folder))
        ingest(engine, Path(folder))
        for name in arguments.engine or ["openvino", "tensorflow"]:
            precisions = arguments.precision or ["auto", "int8"]
            for precision in precisions if name == "openvino" else ["auto"]:
                changes = {"engine": name, "precision": precision}
                settings = load_settings().model_copy(update=changes)
                measured = measure(engine, settings, arguments.rounds, arguments.quick)
                result[f"{name}, {measured.pop('precision')}"] = measured
                result["machine"]["load_after"] = load()
                if arguments.json:
                    arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
