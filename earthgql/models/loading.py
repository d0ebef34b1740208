"""Chooses the bundle and the engine of this process, and loads its classifier."""

import logging
from pathlib import Path

from earthgql.errors import ModelUnavailableError, SetupError
from earthgql.models.bundle import open_bundle, verify_bundle
from earthgql.models.engines.openvino import runtime
from earthgql.models.manifest import MANIFEST_FILE
from earthgql.models.protocol import Classifier
from earthgql.settings import PROJECT_ROOT, Settings

BUNDLES_DIR = PROJECT_ROOT / "earthgql" / "bundles"
SHIPPED = "amazon-resnet50"
UNTRAINED = "untrained"

_log = logging.getLogger(__name__)


def chosen_folder(settings: Settings) -> Path:
    """Return the bundle's folder: that of the settings, else the shipped, else the untrained one.

    The untrained one may not exist yet.
    """
    if settings.bundle is not None:
        return settings.bundle
    shipped = BUNDLES_DIR / SHIPPED
    if (shipped / MANIFEST_FILE).exists():
        return shipped
    return settings.var_dir / "models" / UNTRAINED


def bundle_folder(settings: Settings) -> Path:
    """Return the bundle's folder as ``chosen_folder``, after making the untrained one if needed.

    Raises:
        ModelUnavailableError: if the untrained bundle cannot be written.
    """
    folder = chosen_folder(settings)
    if folder != settings.var_dir / "models" / UNTRAINED:
        return folder
    from earthgql.models.engines.keras.untrained import untrained_bundle

    return untrained_bundle(folder)


def load_classifier(settings: Settings) -> Classifier:
    """Load the classifier of this process, which takes seconds.

    The first time for a bundle, its network is converted for OpenVINO, which takes longer.

    Raises:
        ModelUnavailableError: if the bundle is missing, damaged, or does not fit together.
        SetupError: if the engine lacks the precision.
    """
    folder = bundle_folder(settings)
    if settings.engine == "tensorflow" or not (
        settings.engine == "openvino" or runtime.is_installed()
    ):
        return tensorflow_classifier(folder, settings)
    try:
        return openvino_classifier(folder, settings)
    except _UnsuitableError as error:
        if settings.engine == "openvino" or settings.precision != "auto":
            raise ModelUnavailableError(str(error)) from None
        _log.warning("%s; TensorFlow runs it instead", error)
        return tensorflow_classifier(folder, settings)


def tensorflow_classifier(folder: Path, settings: Settings) -> Classifier:
    """Load a bundle on TensorFlow; its network is built on first use.

    Raises:
        ModelUnavailableError: if the bundle is missing or damaged.
        SetupError: if TensorFlow lacks the precision.
    """
    if settings.precision not in ("auto", "f32"):
        raise SetupError(
            f"EARTHGQL_PRECISION={settings.precision} needs OpenVINO; with TensorFlow it is f32"
        )
    from earthgql.models.engines.tensorflow.classifier import BATCH_SIZE, TensorFlowClassifier

    return TensorFlowClassifier(open_bundle(folder), batch_size=settings.batch_size or BATCH_SIZE)


def openvino_classifier(folder: Path, settings: Settings) -> Classifier:
    """Load a bundle on OpenVINO.

    Raises:
        ModelUnavailableError: if the bundle is missing, damaged, or unsuitable for OpenVINO, or
            this machine lacks the precision.
    """
    from earthgql.models.engines.openvino.classifier import OpenVINOClassifier
    from earthgql.models.engines.openvino.networks import float_network, int8_network

    if not runtime.is_installed():
        raise ModelUnavailableError("OpenVINO is not installed: set EARTHGQL_ENGINE=tensorflow")
    manifest = verify_bundle(folder)
    if settings.precision == "int8":
        network = int8_network(folder, manifest, settings.var_dir)
        return OpenVINOClassifier(manifest, network, batch_size=settings.batch_size)
    try:
        with float_network(folder, manifest, settings.var_dir) as network:
            return OpenVINOClassifier(
                manifest, network, precision=settings.precision, batch_size=settings.batch_size
            )
    except ModelUnavailableError as error:
        raise _UnsuitableError(str(error)) from None


class _UnsuitableError(ModelUnavailableError):
    """OpenVINO cannot run this bundle; TensorFlow may be able to."""
