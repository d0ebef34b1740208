"""What `make bench` runs: `python -m bench NAME --help`, or all of them: `python -m bench all`."""

import importlib
import sys
from pathlib import Path

BENCHMARKS = {
    "encodings": "ways to write scores into an answer: sizes, times to write and to read",
    "attacks": "connections of one stranger: what everybody else waits; HTTP servers compared",
    "analysis": "sums over 10^5 classified tiles by several layouts; changes against the truth",
    "batches": "OpenVINO by itself: batch sizes and streams",
    "blocks": "a pass of the network with and without residual blocks that add zero",
    "catalog": "look-ups among a million tiles, against bare SQL",
    "depths": "a pass of the network with 4, 8 and 16 residual blocks, at each precision",
    "engines": "cold tiles, against Flask with Keras, LitServe, TensorFlow and OpenVINO's own",
    "filters": "lists by label among a million classified tiles: layouts, plans, over HTTP",
    "footprint": "seconds until a server is ready, and its memory over many tiles",
    "flow": "requests that come together: batches, clicks under a viewport, classifying ahead",
    "labels": "labels as vector tiles over HTTP, against tipg; what keeping their sums costs",
    "objects": "tiles as objects in one process: plain Strawberry, direct resolvers, the short cut",
    "page": "the map page in a browser: first paint, scripts, scripting a frame",
    "map": "tiles of imagery over HTTP, against TiTiler on the same COG",
    "versions": "cold tiles over HTTP, of two checkouts and their bundles in turn",
    "storage": "ways to keep scores among 10^6 and 10^7 tiles: bytes, storing, lists, sums, maps",
    "warm": "stored answers over HTTP, against a floor, bare Strawberry and tipg",
}

RESULTS = Path(__file__).parent / "results"
CHARTS = {"warm": ["--chart", str(RESULTS / "warm.svg")]}
WITHOUT_JSON = {"engines"}  # writes its results there by itself
NOT_BY_ITSELF = {"versions"}  # must be told what to compare


def main() -> None:
    names = sys.argv[1:2]
    if names == ["all"]:
        run_all()
        return
    if not names or names[0] not in BENCHMARKS:
        print("usage: python -m bench NAME [--help]\n")
        for name, what in BENCHMARKS.items():
            print(f"  {name:10} {what}")
        print(f"  {'all':10} each of them but versions, results into bench/results: about an hour")
        sys.exit(0 if names in ([], ["--help"], ["-h"]) else 2)
    importlib.import_module(f"bench.{names[0]}").main(sys.argv[2:])


def run_all() -> None:
    for name, what in BENCHMARKS.items():
        if name in NOT_BY_ITSELF:
            continue
        print(f"== {name}: {what}", flush=True)
        json = [] if name in WITHOUT_JSON else ["--json", str(RESULTS / f"{name}.json")]
        importlib.import_module(f"bench.{name}").main([*json, *CHARTS.get(name, [])])


if __name__ == "__main__":
    main()
