"""What a pass costs with 4, 8 and 16 residual blocks: f32, bf16 and 8 bits, one tile and four.

    python -m bench depths --json bench/results/depths.json

Takes a bundle's ResNet50 and wakes blocks that add zero (or puts others to sleep), so only the
time of the passes means anything. All networks take turns, pass by pass, one pass at a time on all
cores; median and least time in ms, and the processor time of all threads, which other work on the
machine hardly changes.
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

from bench.blocks import TILES, convolutions, runner
from bench.machine import describe, load
from earthgql.cli.model.samples import DEPTHS
from earthgql.models.bundle import Bundle, open_bundle
from earthgql.models.engines.openvino import runtime
from earthgql.models.engines.openvino.conversion import with_scaling
from earthgql.models.engines.openvino.networks import NETWORK_FILE, Network
from earthgql.models.engines.openvino.quantization import quantize
from earthgql.models.loading import bundle_folder
from earthgql.settings import load_settings

CALIBRATED_ON = 8  # random pictures: ranges do not change the time


def with_depth(bundle: Bundle, depth: tuple[int, ...], place: Path) -> Network:
    """Convert the bundle's network with that many residual blocks in each stage."""
    from earthgql.models.engines.keras import inference
    from earthgql.models.engines.keras.network import build
    from earthgql.models.engines.tensorflow.classifier import frozen

    model, spec = build(bundle), bundle.manifest.input.spec
    for layer in model.layers:
        if layer.name.startswith("conv") and layer.name.endswith("_3_bn"):
            stage, block = (int(part[-1]) for part in layer.name.split("_")[:2])
            scale = layer.gamma.numpy()
            awake = block <= depth[stage - 2]
            layer.gamma.assign(np.where(scale == 0, 0.1, scale) * awake)
            layer.beta.assign(layer.beta.numpy() * awake)
    graph = frozen(inference.for_inference(model), spec.size).graph
    file = place / "network.pb"
    file.write_bytes(graph.as_graph_def().SerializeToString())
    openvino = runtime.openvino_module()
    openvino.save_model(
        with_scaling(openvino.convert_model(file), spec),
        place / NETWORK_FILE,
        compress_to_fp16=False,
    )
    return Network(place / NETWORK_FILE, "float", bundle.identity.sha256, {})


def runs_of(core: Any, bundle: Bundle, place: Path, tiles: int) -> dict[str, Callable[[], Any]]:
    """Passes by name, such as ``8 blocks, bf16``."""
    size = bundle.manifest.input.spec.size
    chance = np.random.default_rng(0)
    pixels = chance.integers(0, 256, (tiles, size, size, 3), np.uint8)
    best = "bf16" if runtime.has_bf16(core) else "f32"
    found = {}
    for name in DEPTHS:
        blocks = f"{sum(DEPTHS[name])} blocks"
        for file, precision in (("float", "f32"), ("float", "bf16"), ("int8", best)):
            if precision == "bf16" and best == "f32":
                continue
            model = core.read_model(place / name / file / NETWORK_FILE)
            told = "int8" if file == "int8" else precision
            found[f"{blocks}, {told}"] = runner(core, model, pixels, precision)
    return found


def timed(runs: dict[str, Callable[[], Any]], passes: int) -> dict[str, Any]:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(passes):
        for name, run in runs.items():
            began = time.perf_counter(), time.process_time()
            run()
            clock, processor = time.perf_counter() - began[0], time.process_time() - began[1]
            times[name].append((1000 * clock, 1000 * processor))
    found = {}
    for name, each in times.items():
        clocks, processors = zip(*each, strict=True)
        found[name] = {
            "median_ms": round(statistics.median(clocks), 2),
            "least_ms": round(min(clocks), 2),
            "processor_ms": round(statistics.median(processors), 2),
        }
    return found


def measure(passes: int) -> dict[str, Any]:
    bundle = open_bundle(bundle_folder(load_settings()))
    core = runtime.openvino_module().Core()
    found: dict[str, Any] = {"bundle": f"{bundle.manifest.name} {bundle.manifest.version}"}
    pictures = np.random.default_rng(1).integers(0, 256, (CALIBRATED_ON, 256, 256, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name, depth in DEPTHS.items():
            for file in ("float", "int8"):
                (place / name / file).mkdir(parents=True)
            network = with_depth(bundle, depth, place / name / "float")
            quantize(network, bundle.manifest, iter(pictures), place / name / "int8")
            made = core.read_model(network.path)
            found.setdefault("convolutions", {})[f"{sum(depth)} blocks"] = convolutions(made)
        for tiles in TILES:
            found[f"{tiles} tiles"] = timed(runs_of(core, bundle, place, tiles), passes)
    return found


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench depths",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--passes", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--json", type=Path, help="file for the result, which is also printed")
    options = parser.parse_args(argv)
    machine = describe()
    measured = measure(options.passes)
    machine["load_after"] = load()
    result = {"machine": machine, **measured}
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
