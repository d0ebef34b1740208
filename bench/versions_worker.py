"""Cold tiles of one checkout, on request: ``bench versions`` starts it in that checkout's folder.

Reads ``viewport`` or ``clients`` from standard input, a line each, and answers tiles per second.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

from bench import flow
from bench.engines import viewport_rate
from bench.scratch import scratch_database
from earthgql.settings import load_settings

SIDE, EACH = 24, 6


def main(precision: str) -> None:
    settings = load_settings().model_copy(update={"engine": "openvino", "precision": precision})
    with tempfile.TemporaryDirectory() as folder, scratch_database() as engine:
        flow.write_pictures(Path(folder))
        flow.ingest(engine, Path(folder))
        with flow.serving(engine, settings) as server:
            ways = {
                "viewport": lambda: viewport_rate(engine, server, SIDE),
                "clients": lambda: flow.many_clients(engine, server, EACH)["tiles_per_s"],
            }
            for way in ways.values():
                way()
            print("ready", flush=True)
            for line in sys.stdin:
                print(ways[line.strip()](), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
