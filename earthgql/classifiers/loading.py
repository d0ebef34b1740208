"""Which model answers: the one set, else the one shipped, else an untrained stand-in."""

from pathlib import Path

from earthgql.classifiers.bundle import open_bundle
from earthgql.classifiers.manifest import MANIFEST_FILE
from earthgql.classifiers.protocol import Classifier
from earthgql.settings import PROJECT_ROOT, Settings

BUNDLES_DIR = PROJECT_ROOT / "earthgql" / "bundles"
SHIPPED = "amazon-resnet50"
UNTRAINED = "untrained"


def chosen_folder(settings: Settings) -> Path:
    """Return the folder of the bundle to use; that of the untrained one may not exist yet."""
    if settings.bundle is not None:
        return settings.bundle
    shipped = BUNDLES_DIR / SHIPPED
    if (shipped / MANIFEST_FILE).exists():
        return shipped
    return settings.var_dir / "models" / UNTRAINED


def bundle_folder(settings: Settings) -> Path:
    """Return the folder of the bundle to use, making the untrained one if there is no other.

    Raises:
        ModelUnavailableError: if the untrained bundle cannot be written.
    """
    folder = chosen_folder(settings)
    if folder != settings.var_dir / "models" / UNTRAINED:
        return folder
    from earthgql.classifiers.untrained import untrained_bundle

    return untrained_bundle(folder)


def load_classifier(settings: Settings) -> Classifier:
    """Load the model of this process; takes seconds, so do it once and only where it is used.

    Raises:
        ModelUnavailableError: if the bundle is missing, damaged, or does not fit together.
    """
    from earthgql.classifiers.tensorflow import TensorFlowClassifier

    bundle = open_bundle(bundle_folder(settings))
    return TensorFlowClassifier(bundle, batch_size=settings.batch_size)
