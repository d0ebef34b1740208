"""What the machine is that a benchmark ran on; without names, hosts or paths."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from earthgql.models.engines.openvino import runtime

_FLAGS = (
    *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16"),
    *("amx_tile", "amx_int8", "amx_bf16"),
)
_TOLD = ("flask", "gunicorn", "graphql-core", "strawberry-graphql", "psycopg2-binary", "sqlalchemy")


def describe() -> dict[str, Any]:
    """Describe processor, memory, load and versions."""
    cpuinfo = Path("/proc/cpuinfo")
    cpu = _find(cpuinfo, r"model name\s*: (.*)")
    flags = (_find(cpuinfo, r"flags\s*: (.*)") or "").split()
    memory = _find(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)")
    return {
        "processor": cpu or platform.machine(),
        "vendor": _find(cpuinfo, r"vendor_id\s*: (.*)"),
        "family": _number(_find(cpuinfo, r"cpu family\s*: (\d+)")),
        "model": _number(_find(cpuinfo, r"model\s*: (\d+)")),
        "stepping": _number(_find(cpuinfo, r"stepping\s*: (\d+)")),
        "cores": len(os.sched_getaffinity(0)),
        "vector": [flag for flag in _FLAGS if flag in flags],
        "openvino": _openvino(),
        "memory_gib": round(int(memory) / 2**20) if memory else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "load_before": load(),
        "versions": {name: version(name) for name in _TOLD},
    }


def load() -> list[float]:
    """What the machine has had to do in the last 1, 5 and 15 minutes: processes that would run."""
    return [round(part, 1) for part in os.getloadavg()]


def _openvino() -> dict[str, Any] | None:
    """What OpenVINO says it makes use of here; None where it is not installed."""
    if not runtime.is_installed():
        return None
    core = runtime.openvino_module().Core()
    found = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return {"version": runtime.version(), "capabilities": sorted(map(str, found))}


def _number(digits: str | None) -> int | None:
    return int(digits) if digits else None


def _find(path: Path, pattern: str) -> str | None:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1].strip() if found else None
