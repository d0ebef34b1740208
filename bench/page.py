"""The map page in a browser: first paint, size of its scripts, and scripting a frame.

    python -m bench page --json bench/results/page.json

A server (`manage.py serve`) with 50,176 classified tiles, a window of 1,600 by 1,000 pixels that
shows some 4,500 of them, and headless Chromium on the same machine, which draws WebGL without a
graphics card (SwiftShader). So frame times are those of a slow machine; scripting is what the page
itself takes: processor time of the main thread from one frame to the next for JavaScript and
garbage collection, by Chromium's trace.
"""

import argparse
import gzip
import json
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, expect
from sqlalchemy import Engine

from bench.flow import is_ready
from bench.machine import describe, load
from bench.scratch import IDENTITY, ORIGIN, Block, make_scores, scratch_database, vacuum, window
from bench.serving import serve, start
from earthgql.catalog.models import register_model
from earthgql.ingest.store import store
from earthgql.web.pages import STATIC

SIDE = 224
"""The server has so many tiles along each side: 50,176."""
WINDOW = {"width": 1600, "height": 1000}
LABEL = "water"
WAIT_MS = 60_000

_SCRIPTING = frozenset(
    (
        *("FunctionCall", "EvaluateScript", "FireAnimationFrame", "TimerFire", "EventDispatch"),
        *("RunMicrotasks", "v8.compile", "MinorGC", "MajorGC"),
    )
)
FRAME = "FireAnimationFrame"
"""The event with which Chromium begins the scripts of a frame."""

_CATEGORIES = "devtools.timeline,v8,disabled-by-default-v8.gc"

Event = dict[str, Any]


def script_sizes() -> dict[str, float]:
    """Kilobytes of the scripts that the page loads at first, compressed: MapLibre's and others."""
    names = re.findall(r'assets/[^"]+\.js', (STATIC / "index.html").read_text())
    sizes = {name: len(gzip.compress((STATIC / name).read_bytes(), 9)) / 1000 for name in names}
    maplibre = sum(size for name, size in sizes.items() if "maplibre" in name)
    return {
        "maplibre_kb": round(maplibre, 1),
        "others_kb": round(sum(sizes.values()) - maplibre, 1),
    }


def first_paints(browser: Browser, url: str, count: int) -> dict[str, float]:
    """Seconds from asking for the page to a map with all its tiles, with nothing cached."""
    times = []
    for _ in range(count):
        context = browser.new_context(viewport=WINDOW)
        page = context.new_page()
        began = time.perf_counter()
        page.goto(url, wait_until="commit")
        settled(page)
        times.append(time.perf_counter() - began)
        context.close()
    return {"median_s": round(statistics.median(times), 2), "longest_s": round(max(times), 2)}


def settled(page: Page) -> None:
    """Wait until the map has painted all there is."""
    container = page.locator("#map .maplibregl-map").first
    expect(container).to_have_attribute("aria-busy", "false", timeout=WAIT_MS)


def pan(page: Page) -> None:
    """Drag the map to and fro, as a hand would."""
    for dx in (-500, 400, -300):
        page.mouse.move(1000, 500)
        page.mouse.down()
        page.mouse.move(1000 + dx, 500 + dx // 3, steps=40)
        page.mouse.up()


def move_cutoff(page: Page) -> None:
    """Move the cutoff from 0.1 to 0.9 and back."""
    slider = page.get_by_role("slider", name="Cutoff")
    for step in (*range(10, 90, 4), *range(90, 10, -4)):
        slider.fill(str(step))


def frames(page: Page, action: Callable[[Page], None]) -> dict[str, float]:
    """Scripting a frame and time between frames while something is done, in milliseconds."""
    session = page.context.new_cdp_session(page)
    with traced(session) as events:
        action(page)
    settled(page)
    main = main_thread(events)
    starts = sorted(e["ts"] for e in main if e["name"] == FRAME)
    outermost = not_nested([e for e in main if e["name"] in _SCRIPTING])
    scripting = [
        sum(e["tdur"] for e in outermost if a <= e["ts"] < b) / 1000 for a, b in pairwise(starts)
    ]
    between = [(b - a) / 1000 for a, b in pairwise(starts)]
    return {
        "frames": len(scripting),
        "scripting_p50_ms": percentile(scripting, 50),
        "scripting_p95_ms": percentile(scripting, 95),
        "frame_p50_ms": percentile(between, 50),
        "frame_p95_ms": percentile(between, 95),
    }


@contextmanager
def traced(session: CDPSession) -> Iterator[list[Event]]:
    """Collect Chromium's trace of a block."""
    events: list[Event] = []
    done: list[bool] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda _: done.append(True))
    session.send("Tracing.start", {"categories": _CATEGORIES, "transferMode": "ReportEvents"})
    yield events
    session.send("Tracing.end")
    until = time.monotonic() + 60
    while not done and time.monotonic() < until:
        session.send("Runtime.evaluate", {"expression": "0"})  # lets events come in
        time.sleep(0.05)


def main_thread(events: Sequence[Event]) -> list[Event]:
    """The complete events of the thread that draws frames."""
    complete = [e for e in events if e.get("ph") == "X" and "tdur" in e]
    threads = [(e["pid"], e["tid"]) for e in complete if e["name"] == FRAME]
    thread = max(set(threads), key=threads.count)
    return [e for e in complete if (e["pid"], e["tid"]) == thread]


def not_nested(events: Sequence[Event]) -> list[Event]:
    """The events that lie in no other."""
    found: list[Event] = []
    end = 0.0
    for event in sorted(events, key=lambda e: (e["ts"], -e["dur"])):
        if event["ts"] >= end:
            found.append(event)
            end = event["ts"] + event["dur"]
    return found


def percentile(values: Sequence[float], share: int) -> float:
    """A percentile, in the values' unit."""
    return round(statistics.quantiles(values, n=100)[share - 1], 2)


def fill(engine: Engine) -> None:
    """Make the tiles and their scores."""
    store(engine, Block("page", ORIGIN, SIDE))
    with engine.begin() as conn:
        model = register_model(conn, IDENTITY)
    make_scores(engine, model, SIDE)
    vacuum(engine)


def address(zoom: float) -> str:
    """The query of the page's address, over the middle of the tiles."""
    area = window(0, 0, SIDE, SIDE)
    lat, lon = (area.south + area.north) / 2, (area.west + area.east) / 2
    return f"?map={zoom}/{lat:.5f}/{lon:.5f}&label={LABEL}&model={IDENTITY.name}+{IDENTITY.version}"


def measure(url: str, paints: int) -> dict[str, Any]:
    """Open the page and use it."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from support.chromium import running_chromium

    with running_chromium() as browser:
        result: dict[str, Any] = {"first_paint": first_paints(browser, url, paints)}
        page = browser.new_context(viewport=WINDOW).new_page()
        page.goto(url)
        settled(page)
        result["features"] = features_shown(page)
        result["pan"] = frames(page, pan)
        result["cutoff"] = frames(page, move_cutoff)
    return result


def features_shown(page: Page) -> int:
    """How many tiles the window shows: those of 16 pixels that the canvas has room for."""
    box = page.locator("canvas.maplibregl-canvas").first.bounding_box()
    assert box is not None
    return int(box["width"] // 16) * int(box["height"] // 16)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print, and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--paints", type=int, default=5, help="how often the page is opened anew")
    parser.add_argument("--json", type=Path, help="where to write the results")
    arguments = parser.parse_args(argv)
    with scratch_database() as engine:
        fill(engine)
        database = engine.url.render_as_string(hide_password=False)
        server = start(serve, {"EARTHGQL_DATABASE_URL": database})
        try:
            while not is_ready(server.port):
                time.sleep(0.2)
            measured = measure(f"http://127.0.0.1:{server.port}/{address(9)}", arguments.paints)
        finally:
            server.stop()
    report = {
        "machine": describe(),
        "load_after": load(),
        "tiles": SIDE * SIDE,
        "scripts": script_sizes(),
        **measured,
    }
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
