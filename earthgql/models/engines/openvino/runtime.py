"""Imports OpenVINO on demand, without its telemetry, and chooses the processor's precision."""

import importlib.metadata
import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any, Literal

import numpy as np

from earthgql.errors import ModelUnavailableError

Precision = Literal["f32", "bf16"]

_importing = threading.Lock()


def is_installed() -> bool:
    """Whether OpenVINO is installed; it has no wheels for some systems."""
    return importlib.util.find_spec("openvino") is not None


def version() -> str:
    """Version of the installed OpenVINO, without importing it."""
    return importlib.metadata.version("openvino")


def openvino_module() -> ModuleType:
    """Import OpenVINO.

    Raises:
        ModelUnavailableError: if it is not installed.
    """
    # Its telemetry would, at import, write into the home folder and report to a server abroad.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise ModelUnavailableError(
            f"OpenVINO cannot be imported ({error}): install it, or set EARTHGQL_ENGINE=tensorflow"
        ) from None
    with _importing:
        # Two threads that give it their first array at the same moment wait for each other forever.
        openvino.Tensor(np.zeros(1, np.uint8)).data  # noqa: B018
    module: ModuleType = openvino
    return module


def has_bf16(core: Any = None) -> bool:
    """Whether this processor multiplies bf16 faster than f32."""
    core = core or openvino_module().Core()
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def choose_precision(core: Any, precision: str) -> Precision:
    """Choose the arithmetic of the processor.

    Args:
        core: ``openvino.Core``.
        precision: ``auto`` takes bf16 where the processor multiplies it faster, else f32.

    Raises:
        ModelUnavailableError: if ``precision`` is bf16 and the processor lacks it.
    """
    bf16 = has_bf16(core)
    if precision == "bf16" and not bf16:
        name = core.get_property("CPU", "FULL_DEVICE_NAME")
        raise ModelUnavailableError(
            f"this processor ({name}) has no bf16: set EARTHGQL_PRECISION to auto or f32"
        )
    return "bf16" if bf16 and precision in ("auto", "bf16") else "f32"
