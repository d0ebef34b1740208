"""Networks converted for OpenVINO, as files: made once per bundle, verified when opened."""

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from earthgql.errors import ModelUnavailableError
from earthgql.files import draft, file_lock
from earthgql.models.bundle import file_sha256
from earthgql.models.engines.openvino import runtime
from earthgql.models.manifest import Manifest
from earthgql.models.protocol import ModelIdentity
from earthgql.settings import PROJECT_ROOT

Kind = Literal["float", "int8"]

FOLDER = "networks"
NETWORK_FILE = "network.xml"
WEIGHTS_FILE = "network.bin"
ABOUT_FILE = "about.json"
INT8_FOLDER = "int8"
INT8_SUFFIX = "+int8"
CONVERSION_SECONDS = 1800
DISK_FULL = 74
"""Exit status of the conversion's process when the disk is full."""

_OF_OPENVINO = "-openvino-"
# To be increased when the conversion changes: networks of other versions are then converted again.
_CONVERSION_VERSION = 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Network:
    """A network for OpenVINO: from pixels ``uint8 [n, size, size, 3]`` to scores.

    Attributes:
        path: its file; the file of its weights is in the same folder.
        kind: ``float``, or ``int8`` if it was quantised.
        sha256: identity of its bundle, see ``bundle.identity_sha256``.
        report: measurements of its conversion.
    """

    path: Path
    kind: Kind
    sha256: str
    report: dict[str, Any]

    def identity(self, manifest: Manifest) -> ModelIdentity:
        """Return the identity of the model; a quantised network is a model of its own."""
        m = manifest
        plain = ModelIdentity(m.name, m.version, m.labels, m.thresholds, self.sha256)
        if self.kind == "float":
            return plain
        digest = hashlib.sha256(f"{self.sha256} {self.report['weights_sha256']}".encode())
        return replace(plain, version=m.version + INT8_SUFFIX, sha256=digest.hexdigest())


class DamagedNetworkError(Exception):
    """The files of a converted network are incomplete, changed, or of another bundle."""


def fingerprint(manifest: Manifest) -> str:
    """Hash what the scores depend on, from the manifest alone, which has the files' checksums."""
    decisive = manifest.model_dump(
        mode="json",
        include={"architecture", "labels", "input", "output", "calibration", "checksums"},
    )
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def float_folder(var_dir: Path, manifest: Manifest) -> Path:
    """Return the folder of a bundle's converted network."""
    name = f"{fingerprint(manifest)[:16]}{_OF_OPENVINO}{runtime.version()}-{_CONVERSION_VERSION}"
    return var_dir / FOLDER / name


def int8_folders(var_dir: Path, bundle: Path, manifest: Manifest) -> tuple[Path, Path]:
    """Return the possible folders of a quantised network: in the bundle, or under ``var_dir``."""
    return (bundle / INT8_FOLDER, var_dir / FOLDER / f"{fingerprint(manifest)[:16]}-int8")


def read_network(folder: Path, manifest: Manifest) -> Network | None:
    """Open a converted network and verify its checksums; None if there is none.

    Raises:
        DamagedNetworkError: if it is incomplete, changed, or of another bundle.
    """
    try:
        about = json.loads((folder / ABOUT_FILE).read_text())
        files, made_of = dict(about["files"]), about["fingerprint"]
        network = Network(folder / NETWORK_FILE, about["kind"], about["sha256"], about["report"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DamagedNetworkError(f"{folder / ABOUT_FILE}: {error}") from None
    if made_of != fingerprint(manifest):
        raise DamagedNetworkError(f"{folder} was made of another bundle")
    for name in (NETWORK_FILE, WEIGHTS_FILE):
        try:
            found = file_sha256(folder / name)
        except ModelUnavailableError as error:
            raise DamagedNetworkError(str(error)) from None
        if found != files.get(name):
            raise DamagedNetworkError(f"{folder / name} is not as it was written")
    return network


def write_about(folder: Path, manifest: Manifest, kind: Kind, sha256: str, report: Any) -> None:
    """Write the description of a network, with the checksums of its files, into its folder."""
    files = {name: file_sha256(folder / name) for name in (NETWORK_FILE, WEIGHTS_FILE)}
    about = {
        "kind": kind,
        "fingerprint": fingerprint(manifest),
        "sha256": sha256,
        "openvino": runtime.version(),
        "files": files,
        "report": {**report, "weights_sha256": files[WEIGHTS_FILE]},
    }
    (folder / ABOUT_FILE).write_text(json.dumps(about, indent=2) + "\n")


@contextlib.contextmanager
def float_network(bundle: Path, manifest: Manifest, var_dir: Path) -> Iterator[Network]:
    """Open the converted network of a bundle, after converting it if there is none.

    Concurrent processes convert it once. If ``var_dir`` cannot be written to, it is converted into
    a temporary folder that is removed when the block ends.

    Raises:
        ModelUnavailableError: if it cannot be converted.
    """
    folder = float_folder(var_dir, manifest)
    found = _read_intact(folder, manifest)
    if found is not None:
        yield found
        return
    try:
        found = _convert_once(folder, manifest, lambda fresh: _convert(bundle, fresh))
    except OSError as error:
        _log.warning("%s cannot be written (%s): the network is not kept", folder, error.strerror)
    if found is not None:
        yield found
        return
    with _temporary_folder() as fresh:
        _convert(bundle, Path(fresh))
        yield _read_converted(Path(fresh), manifest)


def int8_network(bundle: Path, manifest: Manifest, var_dir: Path) -> Network:
    """Open the quantised network of a bundle.

    Raises:
        ModelUnavailableError: if there is none, or only one that is damaged or of another bundle.
    """
    remedy = f"run manage.py model optimize {bundle} --int8"
    for folder in int8_folders(var_dir, bundle, manifest):
        try:
            found = read_network(folder, manifest)
        except DamagedNetworkError as error:
            raise ModelUnavailableError(f"{error}: {remedy}") from None
        if found is not None:
            return found
    raise ModelUnavailableError(f"{bundle} has no 8-bit network yet: {remedy}")


def has_int8(bundle: Path, manifest: Manifest, var_dir: Path) -> bool:
    """Whether there is a quantised network of a bundle."""
    return any((f / ABOUT_FILE).exists() for f in int8_folders(var_dir, bundle, manifest))


@contextlib.contextmanager
def network_draft(folder: Path) -> Iterator[Path]:
    """Make a network's folder under a draft name; one process at a time, the others wait.

    Yields:
        Name of the folder to make: see ``files.draft``.

    Raises:
        OSError: if the disk refuses.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(folder.parent / f".{folder.name}.lock"), draft(folder, alone=True) as fresh:
        yield fresh


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="earthgql-network-")
    except OSError as error:
        raise ModelUnavailableError(f"no place to convert the network to: {error}") from None


def _convert_once(folder: Path, manifest: Manifest, make: Callable[[Path], None]) -> Network:
    with network_draft(folder) as fresh:
        found = _read_intact(folder, manifest)
        if found is not None:
            return found
        fresh.mkdir()
        make(fresh)
    made = _read_converted(folder, manifest)
    _remove_outdated(folder)
    return made


def _remove_outdated(folder: Path) -> None:
    """Remove other conversions of the same bundle; who reads one can go on."""
    made_of = folder.name.partition(_OF_OPENVINO)[0]
    for other in folder.parent.glob(f"{made_of}{_OF_OPENVINO}*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def _read_intact(folder: Path, manifest: Manifest) -> Network | None:
    """Open a network; None if there is none, or a damaged one, which is converted again."""
    try:
        return read_network(folder, manifest)
    except DamagedNetworkError as error:
        _log.warning("%s: it is made anew", error)
        return None


def _read_converted(folder: Path, manifest: Manifest) -> Network:
    try:
        found = read_network(folder, manifest)
    except DamagedNetworkError as error:
        raise ModelUnavailableError(f"{error}; is the disk full?") from None
    if found is None:
        raise ModelUnavailableError(f"{folder} vanished while it was made")
    return found


def _convert(bundle: Path, folder: Path) -> None:
    """Convert in a process of its own, so that TensorFlow's memory is freed at its end.

    Raises:
        ModelUnavailableError: if that fails.
        OSError: if the disk is full.
    """
    _log.info("converting %s for OpenVINO, which is done once", bundle)
    command = [sys.executable, "-W", "ignore", "-m", "earthgql.models.engines.openvino.conversion"]
    path = os.pathsep.join([str(PROJECT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            [*command, str(bundle.resolve()), str(folder.resolve())],
            env={**os.environ, "PYTHONPATH": path, "KERAS_BACKEND": "tensorflow"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CONVERSION_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelUnavailableError(f"{bundle} could not be converted in time") from None
    if done.returncode == 0:
        return
    _log.debug("conversion said: %s", done.stderr)
    if done.returncode == DISK_FULL:
        raise OSError(errno.ENOSPC, "the disk is full")
    if done.returncode < 0:
        raise ModelUnavailableError(
            f"{bundle}: its conversion was killed by signal {-done.returncode}; memory may be short"
        )
    lines = done.stderr.strip().splitlines() or ["no reason given"]
    raise ModelUnavailableError(f"{bundle} cannot be converted for OpenVINO: {lines[-1][-500:]}")
