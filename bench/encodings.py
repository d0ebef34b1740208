"""How to write a matrix of scores into an answer: sizes, and times to write and to read.

    python -m bench encodings --tiles 2000 --json bench/results/encodings.json

Every candidate goes the whole way: float32 [tiles, 17] in NumPy, through a GraphQL field, JSON
text, and back to a matrix in Python and (where node is at hand) in JavaScript, by the decoders
below. Times are medians of milliseconds, candidates in turn.
"""

import argparse
import base64
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NewType

import numpy as np
import strawberry
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from bench.machine import describe, load

LABELS = 17
Any_ = NewType("Any_", object)
# `Uint8Array.from(text, c => …)` takes ten times as long as a loop.
_BYTES = (
    "const s = atob(v), b = new Uint8Array(s.length);"
    " for (let i = 0; i < b.length; i++) b[i] = s.charCodeAt(i);"
)
_SCALED = (
    "const f = new Float32Array(n.length);"
    " for (let i = 0; i < f.length; i++) f[i] = n[i] / {scale:g}; return f;"
)


@dataclass(frozen=True)
class Candidate:
    """One way to write scores.

    Attributes:
        field: of the schema below: ``listed`` is checked value by value, ``opaque`` is not.
        write: from float32 [tiles, labels] to what the field resolves to.
        python: from the value in the JSON to a flat array.
        javascript: the same, as statements after ``const v = …`` that end in ``return``.
        error: the largest possible, of a score between 0 and 1.
    """

    field: str
    write: Callable[[np.ndarray], Any]
    python: Callable[[Any], np.ndarray]
    javascript: str
    error: float


def _base64(kind: str, scale: float) -> Callable[[np.ndarray], str]:
    def write(scores: np.ndarray) -> str:
        numbers = scores if scale == 1 else np.rint(scores * scale)
        return base64.b64encode(numbers.astype(kind).tobytes()).decode()

    return write


def _packed(kind: str, javascript: str, scale: float, error: float) -> Candidate:
    def read(text: str) -> np.ndarray:
        numbers = np.frombuffer(base64.b64decode(text), kind)
        return numbers if scale == 1 else numbers / np.float32(scale)

    view = f"new {javascript}(b.buffer)"
    last = f"return {view};" if scale == 1 else f"const n = {view}; {_SCALED.format(scale=scale)}"
    return Candidate("opaque", _base64(kind, scale), read, f"{_BYTES} {last}", error)


def _numbers(field: str, scale: int, error: float) -> Candidate:
    return Candidate(
        field,
        lambda scores: np.rint(scores * scale).astype(int).ravel().tolist(),
        lambda value: np.array(value) / np.float32(scale),
        f"const n = v; {_SCALED.format(scale=scale)}",
        error,
    )


def _decimals(field: str, digits: int) -> Candidate:
    return Candidate(
        field,
        lambda scores: np.round(scores.astype(float), digits).ravel().tolist(),
        lambda value: np.array(value, np.float32),
        "return Float32Array.from(v);",
        0.5 * 10**-digits,
    )


CANDIDATES = {
    "GraphQL list of floats, 3 digits": _decimals("listed", 3),
    "JSON list of floats, 3 digits": _decimals("opaque", 3),
    "JSON list of floats, 7 digits": _decimals("opaque", 7),
    "JSON list of 0..1000": _numbers("opaque", 1000, 0.5e-3),
    "JSON list of 0..65535": _numbers("opaque", 65535, 0.5 / 65535),
    "base64 of uint8": _packed("<u1", "Uint8Array", 255, 0.5 / 255),
    "base64 of uint16": _packed("<u2", "Uint16Array", 65535, 0.5 / 65535),
    "base64 of float32": _packed("<f4", "Float32Array", 1, 0.0),
}


class _Schema:
    """One field that is a GraphQL list, and one whose value GraphQL does not look at."""

    def __init__(self) -> None:
        @strawberry.type
        class Query:
            @strawberry.field
            def listed(self, info: strawberry.Info) -> list[float]:
                return info.context()  # type: ignore[no-any-return]

            @strawberry.field
            def opaque(self, info: strawberry.Info) -> Any_:
                return info.context()  # type: ignore[no-any-return]

        self._schema = strawberry.Schema(
            query=Query,
            extensions=[ParserCache, ValidationCache],
            config=StrawberryConfig(scalar_map={Any_: strawberry.scalar(name="Anything")}),
        )

    def answer(self, candidate: Candidate, scores: np.ndarray) -> str:
        result = self._schema.execute_sync(
            f"{{ v: {candidate.field} }}", context_value=lambda: candidate.write(scores)
        )
        assert result.errors is None, result.errors
        return json.dumps(result.data)


def _measure_python(texts: dict[str, str], scores: np.ndarray, repeat: int) -> dict[str, Any]:
    schema = _Schema()
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in CANDIDATES}
    for _ in range(repeat):
        for name, candidate in CANDIDATES.items():
            began = time.perf_counter()
            schema.answer(candidate, scores)
            written = time.perf_counter()
            back = candidate.python(json.loads(texts[name])["v"])
            read = time.perf_counter()
            assert np.abs(back - scores.ravel()).max() <= candidate.error + 1e-6, name
            times[name][0].append(written - began)
            times[name][1].append(read - written)
    return {
        name: {
            "server_ms": round(statistics.median(written) * 1000, 3),
            "python_ms": round(statistics.median(read) * 1000, 3),
        }
        for name, (written, read) in times.items()
    }


def _measure_javascript(texts: dict[str, str], repeat: int) -> dict[str, float]:
    """Return milliseconds by candidate; nothing where there is no node."""
    beside = Path(sys.executable).with_name("node")
    node = shutil.which("node") or (str(beside) if beside.exists() else None)
    if node is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        readers = ",\n".join(
            f"{json.dumps(name)}: v => {{ {CANDIDATES[name].javascript} }}" for name in texts
        )
        (Path(folder) / "texts.json").write_text(json.dumps(texts))
        (Path(folder) / "run.js").write_text(f"""
const texts = JSON.parse(require("fs").readFileSync(__dirname + "/texts.json"));
const readers = {{ {readers} }};
const times = Object.fromEntries(Object.keys(texts).map(name => [name, []]));
for (let i = 0; i < {repeat}; i++)
  for (const name in texts) {{
    const began = performance.now();
    const read = readers[name](JSON.parse(texts[name]).v);
    times[name].push(performance.now() - began);
    if (!(read[0] >= 0)) throw name;
  }}
for (const name in times) times[name] = times[name].sort((a, b) => a - b)[{repeat} >> 1];
console.log(JSON.stringify(times));
""")
        done = subprocess.run(
            [node, str(Path(folder) / "run.js")], check=True, capture_output=True, text=True
        )
        times: dict[str, float] = json.loads(done.stdout)
        return times


def measure(tiles: int, repeat: int) -> dict[str, dict[str, float]]:
    """Measure all candidates with scores as a model gives them: most of them near 0 or 1."""
    random = np.random.default_rng(3)
    scores = random.beta(0.15, 0.6, (tiles, LABELS)).astype(np.float32)
    schema = _Schema()
    texts = {name: schema.answer(candidate, scores) for name, candidate in CANDIDATES.items()}
    times = _measure_python(texts, scores, repeat)
    javascript = _measure_javascript(texts, repeat * 3)
    for name, text in texts.items():
        times[name] |= {
            "javascript_ms": round(javascript[name], 3) if name in javascript else None,
            "bytes": len(text),
            "gzip_bytes": len(zlib.compress(text.encode(), 6)),
            "largest_error": CANDIDATES[name].error,
        }
    return times


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench encodings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tiles", type=int, nargs="+", default=[500, 2000], help="rows to write")
    parser.add_argument("--repeat", type=int, default=100, help="times each (default: 100)")
    parser.add_argument("--json", type=Path, help="file to write the result to")
    arguments = parser.parse_args(argv)
    machine = describe()
    results = {tiles: measure(tiles, arguments.repeat) for tiles in arguments.tiles}
    for tiles, result in results.items():
        print(f"\n{tiles} tiles x {LABELS} labels")
        print(f"{'':34}{'server':>9}{'Python':>9}{'Node':>9}{'bytes':>10}{'gzip':>9}{'error':>10}")
        for name, row in result.items():
            print(
                f"{name:34}{row['server_ms']:9.2f}{row['python_ms']:9.2f}"
                f"{row['javascript_ms'] or 0:9.2f}{row['bytes']:10,}{row['gzip_bytes']:9,}"
                f"{row['largest_error']:10.1g}"
            )
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(
            json.dumps({"machine": {**machine, "load_after": load()}, "tiles": results}, indent=2)
            + "\n"
        )


if __name__ == "__main__":
    main()
