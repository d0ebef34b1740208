"""A pass of the network with all its residual blocks, and without those that add zero.

    python -m bench blocks --json bench/results/blocks.json

Converts a bundle's network both ways, compares their scores at f32, and runs passes of one and of
four tiles on OpenVINO, one at a time on all cores; the two take turns, pass by pass. Medians and
least, in ms.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import describe
from earthgql.models.bundle import Bundle, open_bundle
from earthgql.models.engines.openvino import runtime
from earthgql.models.engines.openvino.conversion import with_scaling
from earthgql.models.loading import bundle_folder
from earthgql.settings import load_settings

TILES = (1, 4)


def networks(bundle: Bundle, place: Path) -> dict[str, Any]:
    """Convert a bundle's network with all blocks and without idle ones: OpenVINO's models."""
    from earthgql.models.engines.keras import inference
    from earthgql.models.engines.keras.network import build
    from earthgql.models.engines.tensorflow.classifier import frozen

    model, spec = build(bundle), bundle.manifest.input.spec
    made = {}
    for name, simplified in (
        ("all", inference.without_normalisation),
        ("without idle", inference.for_inference),
    ):
        file = place / f"{name}.pb"
        file.write_bytes(
            frozen(simplified(model), spec.size).graph.as_graph_def().SerializeToString()
        )
        made[name] = with_scaling(runtime.openvino_module().convert_model(file), spec)
    return made


def convolutions(model: Any) -> int:
    return sum(operation.get_type_name() == "Convolution" for operation in model.get_ops())


def runner(core: Any, model: Any, pixels: Any, precision: str) -> Callable[[], Any]:
    """Compile a network for a batch, for one pass at a time."""
    sized = model.clone()
    sized.reshape(list(pixels.shape))
    how = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(sized, "CPU", how).create_infer_request()

    def run() -> Any:
        return request.infer({0: pixels})[0].copy()

    run()
    return run


def measure(passes: int) -> dict[str, Any]:
    bundle = open_bundle(bundle_folder(load_settings()))
    core = runtime.openvino_module().Core()
    size = bundle.manifest.input.spec.size
    with tempfile.TemporaryDirectory() as place:
        made = networks(bundle, Path(place))
        found: dict[str, Any] = {
            "bundle": f"{bundle.manifest.name} {bundle.manifest.version}",
            "convolutions": {name: convolutions(model) for name, model in made.items()},
            "passes": passes,
        }
        for precision in ("f32", "bf16") if runtime.has_bf16(core) else ("f32",):
            for tiles in TILES:
                shape = (tiles, size, size, 3)
                pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
                runs = {name: runner(core, m, pixels, precision) for name, m in made.items()}
                found[f"{precision}, {tiles} tiles"] = compare(runs, passes)
    return found


def compare(runs: dict[str, Callable[[], Any]], passes: int) -> dict[str, Any]:
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(passes):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            times[name].append(1000 * (time.perf_counter() - began))
    before, after = (run() for run in runs.values())
    ratios = [a / b for a, b in zip(*times.values(), strict=True)]
    return {
        **{
            name: {"median_ms": round(statistics.median(each), 2), "least_ms": round(min(each), 2)}
            for name, each in times.items()
        },
        "times_as_fast": round(statistics.median(ratios), 2),
        "largest_difference": float(np.abs(before - after).max()),
    }


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench blocks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--passes", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="file for the result, which is also printed")
    arguments = parser.parse_args(argv)
    result = {"machine": describe(), **measure(arguments.passes)}
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
