"""Model bundles: a folder with a manifest and weights, whose checksums are verified."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import BadInputError, ModelUnavailableError
from earthgql.files import draft, whole_file
from earthgql.models.manifest import (
    ARCHITECTURE_FILE,
    MANIFEST_FILE,
    WEIGHTS_FILE,
    Domain,
    Manifest,
    parse_manifest,
)
from earthgql.models.protocol import ModelIdentity

Arrays = dict[str, npt.NDArray[Any]]
"""Weights by their path in a Keras 3 weights file, such as ``layers/conv2d/vars/0``."""

CARD_FILE = "MODEL_CARD.md"
_FLOAT16_MAX = float(np.finfo(np.float16).max)


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle, whose files have the checksums of its manifest.

    Attributes:
        folder: of the bundle.
        manifest: describes the model.
        arrays: the weights as in the file, float16 or float32.
        architecture_json: Keras's JSON of the network, for the architecture "Keras" only.
        domain: statistics of the training material, see ``manifest.Domain``; None if there are
            none: ``mean [d]`` of unit features, ``components [d, k]``, and what brings differences
            to units of distance: ``scale [k]`` along the components, ``residual_scale [1]`` across.
    """

    folder: Path
    manifest: Manifest
    arrays: Arrays
    architecture_json: str | None
    domain: Arrays | None = None

    @property
    def identity(self) -> ModelIdentity:
        """The identity of the model; hashes all weights, so callers should keep it."""
        m = self.manifest
        digest = identity_sha256(m, self.arrays, self.architecture_json, self.domain)
        return ModelIdentity(m.name, m.version, m.labels, m.thresholds, digest)


def identity_sha256(
    manifest: Manifest,
    arrays: Arrays,
    architecture_json: str | None,
    domain: Arrays | None = None,
) -> str:
    """Hash what scores and distances from the training material depend on.

    That is: weights, architecture, input, labels, calibration, and ``Bundle.domain`` if any.
    """
    digest = hashlib.sha256()
    decisive = manifest.model_dump(
        mode="json", include={"architecture", "labels", "input", "output", "calibration"}
    )
    decisive["architecture_json"] = architecture_json
    digest.update(json.dumps(decisive, sort_keys=True).encode())
    hashed = arrays | {f"domain/{name}": values for name, values in (domain or {}).items()}
    for path in sorted(hashed):
        values = np.ascontiguousarray(hashed[path])
        digest.update(f"{path} {values.dtype.str} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read a bundle's manifest without reading the weights.

    Raises:
        ModelUnavailableError: if there is no bundle or its manifest is not valid.
    """
    source = folder / MANIFEST_FILE
    try:
        text = source.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ModelUnavailableError(
            f"{folder} is no model bundle: it has no {MANIFEST_FILE}"
        ) from None
    except OSError as error:
        raise ModelUnavailableError(f"{source} cannot be read: {error.strerror}") from None
    return parse_manifest(text, source)


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle and verify the checksum of each of its files.

    Shapes are checked when the network is built: ``engines.keras.network.build``.

    Raises:
        ModelUnavailableError: naming the file, and the expected and actual checksum.
    """
    manifest = verify_bundle(folder)
    described = folder / ARCHITECTURE_FILE
    return Bundle(
        folder,
        manifest,
        read_arrays(folder / manifest.weights.file),
        described.read_text() if ARCHITECTURE_FILE in manifest.files else None,
        None if manifest.domain is None else read_arrays(folder / manifest.domain.file),
    )


def verify_bundle(folder: Path) -> Manifest:
    """Read a bundle's manifest and verify the checksum of each of its files.

    Raises:
        ModelUnavailableError: naming the file, and the expected and actual checksum.
    """
    manifest = read_manifest(folder)
    for name in manifest.files:
        _verify(folder / name, manifest.checksums[name])
    return manifest


def _verify(path: Path, expected: str) -> None:
    found = file_sha256(path)
    if found != expected:
        raise ModelUnavailableError(
            f"{path} is damaged or was changed: its SHA-256 is {found}, the manifest says"
            f" {expected}; restore the file or export the bundle again"
        )


def file_sha256(path: Path) -> str:
    """Hash a file of a bundle.

    Raises:
        ModelUnavailableError: if it is missing or unreadable.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnavailableError(f"{path} cannot be read: {error.strerror}") from None


def read_arrays(path: Path) -> Arrays:
    """Read every array of a Keras weights file.

    Raises:
        ModelUnavailableError: if it is no HDF5 file.
    """
    import h5py

    arrays: Arrays = {}

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    try:
        with h5py.File(path, "r") as file:
            file.visititems(collect)
    except OSError as error:
        raise ModelUnavailableError(f"{path} is no readable HDF5 file: {error}") from None
    return arrays


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write weights so that Keras 3's ``load_weights`` reads them too."""
    import h5py

    with h5py.File(path, "w") as file:
        for name in sorted(arrays):
            file.create_dataset(name, data=arrays[name], compression="gzip", shuffle=True)


def to_half_precision(arrays: Arrays) -> Arrays:
    """Convert kernels to float16; vectors, and values beyond its range, stay float32.

    Vectors (biases and the statistics of batch normalisation) are a hundredth of the size, and
    float16 would round some variances to zero or infinity.
    """
    return {
        name: values.astype(np.float16)
        if values.ndim > 1 and np.abs(values).max(initial=0) <= _FLOAT16_MAX
        else values
        for name, values in arrays.items()
    }


def write_bundle(
    folder: Path,
    about: Mapping[str, Any],
    arrays: Arrays,
    *,
    architecture_json: str | None = None,
    card: str | None = None,
    replace: bool = False,
) -> Bundle:
    """Write a bundle whole or not at all.

    Args:
        folder: the bundle's folder to be; its parents are made.
        about: fields of ``Manifest`` except ``checksums``.
        arrays: weights as they are to be kept.
        architecture_json: Keras's JSON of the network, for the architecture "Keras".
        card: text of ``MODEL_CARD.md``.
        replace: whether an existing bundle there may be replaced.

    Raises:
        ModelUnavailableError: if the folder exists, a field is wrong, or the disk refuses.
    """
    if folder.exists() and not replace:
        raise ModelUnavailableError(f"{folder} exists already; choose another folder or --replace")
    broken = sorted(name for name, values in arrays.items() if not np.isfinite(values).all())
    if broken:
        raise ModelUnavailableError(f"weights are not finite: {', '.join(broken[:5])}")
    try:
        with draft(folder) as fresh:
            fresh.mkdir()
            write_arrays(fresh / WEIGHTS_FILE, arrays)
            if architecture_json is not None:
                (fresh / ARCHITECTURE_FILE).write_text(architecture_json)
            if card is not None:
                (fresh / CARD_FILE).write_text(card)
            summed = (path for path in fresh.iterdir() if path.name != CARD_FILE)
            sums = {path.name: file_sha256(path) for path in summed}
            fields = json.dumps({**about, "checksums": sums}, default=_jsonable)
            manifest = parse_manifest(fields, folder / MANIFEST_FILE)
            (fresh / MANIFEST_FILE).write_text(_pretty(manifest))
    except OSError as error:
        raise ModelUnavailableError(f"{folder} cannot be written: {error}") from None
    return Bundle(folder, manifest, arrays, architecture_json)


def update_manifest(folder: Path, **changes: Any) -> Manifest:
    """Change fields of a bundle's manifest, such as its thresholds, in one step.

    Raises:
        ModelUnavailableError: if the outcome is not valid, or cannot be written; the bundle is
            then as before.
    """
    source = folder / MANIFEST_FILE
    fields = {**read_manifest(folder).model_dump(mode="json"), **changes}
    manifest = parse_manifest(json.dumps(fields, default=_jsonable), source)
    try:
        with whole_file(source) as file:
            file.write(_pretty(manifest).encode())
    except (OSError, BadInputError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelUnavailableError(f"{source} cannot be written: {reason}") from None
    return manifest


def write_domain(folder: Path, domain: Domain, arrays: Arrays) -> Manifest:
    """Give a bundle statistics of its training material, in place of those it may have.

    If this is interrupted, the bundle has none, and is otherwise as before.

    Raises:
        ModelUnavailableError: if the outcome is not valid, or cannot be written.
    """
    if not all(np.isfinite(values).all() for values in arrays.values()):
        raise ModelUnavailableError("the statistics of the training material are not finite")
    checksums = dict(read_manifest(folder).checksums)
    checksums.pop(domain.file, None)
    update_manifest(folder, domain=None, checksums=checksums)
    try:
        with draft(folder / domain.file) as fresh:
            write_arrays(fresh, arrays)
    except OSError as error:
        raise ModelUnavailableError(f"{folder} cannot be written: {error}") from None
    checksums[domain.file] = file_sha256(folder / domain.file)
    return update_manifest(folder, domain=domain, checksums=checksums)


def _pretty(manifest: Manifest) -> str:
    return manifest.model_dump_json(indent=2, exclude_none=True) + "\n"


def _jsonable(value: object) -> object:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} does not belong in a manifest")
