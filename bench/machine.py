"""What the machine is that a benchmark ran on; without names, hosts or paths."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

_TOLD = ("flask", "gunicorn", "graphql-core", "strawberry-graphql", "psycopg2-binary", "sqlalchemy")


def describe() -> dict[str, Any]:
    """Describe processor, memory, load and versions."""
    cpu = _find(Path("/proc/cpuinfo"), r"model name\s*: (.*)")
    flags = (_find(Path("/proc/cpuinfo"), r"flags\s*: (.*)") or "").split()
    memory = _find(Path("/proc/meminfo"), r"MemTotal:\s*(\d+)")
    return {
        "processor": cpu or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "vector": [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags],
        "memory_gib": round(int(memory) / 2**20) if memory else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "load_before": [round(part, 1) for part in os.getloadavg()],
        "versions": {name: version(name) for name in _TOLD},
    }


def _find(path: Path, pattern: str) -> str | None:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1].strip() if found else None
