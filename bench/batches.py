"""OpenVINO by itself: batch sizes and streams, in images per second and processor time per image.

    python -m bench batches --json bench/results/batches.json

On the very networks that earthgql runs, with as many requests in flight as there are streams,
pictures in memory. All take turns in short runs, round by round: medians count.
"""

import argparse
import json
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import describe
from earthgql.models.bundle import verify_bundle
from earthgql.models.engines.openvino import runtime
from earthgql.models.engines.openvino.networks import float_network, has_int8, int8_network
from earthgql.models.loading import bundle_folder
from earthgql.settings import load_settings

SIZES = (1, 2, 4, 8, 16)
STREAMS = (1, 2)


class Running:
    """A compiled network with its queue of requests."""

    def __init__(self, core: Any, path: Path, batch: int, streams: int, size: int) -> None:
        openvino = runtime.openvino_module()
        model = core.read_model(path)
        model.reshape([batch, size, size, 3])
        how = {
            "INFERENCE_PRECISION_HINT": runtime.choose_precision(core, "auto"),
            "ENABLE_CPU_PINNING": False,
            "NUM_STREAMS": str(streams),
        }
        compiled = core.compile_model(model, "CPU", how)
        self.batch = batch
        self.queue = openvino.AsyncInferQueue(compiled, streams)
        picture = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), np.uint8)
        for request in self.queue:
            request.set_input_tensor(openvino.Tensor(picture.copy()))
        self.run(0.1)

    def run(self, seconds: float) -> tuple[float, float]:
        """Return images per second, and processor milliseconds per image."""
        began, processor, batches = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - began < seconds:
            self.queue.start_async()
            batches += 1
        self.queue.wait_all()
        images = batches * self.batch
        spent = 1000 * (time.process_time() - processor) / images
        return images / (time.perf_counter() - began), spent


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    settings = load_settings()
    bundle = bundle_folder(settings)
    manifest = verify_bundle(bundle)
    core = runtime.openvino_module().Core()
    found: dict[str, Any] = {}
    with ExitStack() as stack:
        networks = {
            runtime.choose_precision(core, "auto"): stack.enter_context(
                float_network(bundle, manifest, settings.var_dir)
            )
        }
        if has_int8(bundle, manifest, settings.var_dir):
            networks["int8"] = int8_network(bundle, manifest, settings.var_dir)
        for name, network in networks.items():
            ways = {
                f"batches of {batch}, streams: {streams}": Running(
                    core, network.path, batch, streams, manifest.input.spec.size
                )
                for batch in SIZES
                for streams in STREAMS
            }
            runs: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
            for number in range(rounds):
                for way, running in ways.items():
                    runs[way].append(running.run(seconds))
                print(f"{name}: round {number + 1}", file=sys.stderr, flush=True)
            found[name] = {way: _summary(each) for way, each in runs.items()}
    return found


def _summary(runs: list[tuple[float, float]]) -> dict[str, float]:
    return {
        "images_per_s": round(statistics.median(rate for rate, _ in runs), 1),
        "best": round(max(rate for rate, _ in runs), 1),
        "processor_ms": round(statistics.median(spent for _, spent in runs), 2),
    }


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench batches",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=0.5, help="of a run; default: %(default)s")
    parser.add_argument("--json", type=Path, help="file for the result, which is also printed")
    arguments = parser.parse_args(argv)
    result = {"machine": describe(), **measure(arguments.rounds, arguments.seconds)}
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
