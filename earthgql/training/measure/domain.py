"""Statistics of the pooled features of what a model was trained on, and the limit of distances."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.bundle import Arrays, Bundle, to_half_precision
from earthgql.models.engines.tensorflow.classifier import features_graph, run
from earthgql.models.manifest import Domain
from earthgql.models.preprocess import preprocess
from earthgql.training.data.samples import Samples

Features = npt.NDArray[np.float32]
_CHUNK = 32
_LEAST_LENGTH = 1e-6
_ROUNDING = 0.01
"""Part of a feature vector's length that bf16 may change: no smaller difference is to be far."""


@dataclass(frozen=True)
class Fitted:
    """Statistics for a bundle.

    Attributes:
        domain: what the manifest says of them.
        arrays: as ``Bundle.domain`` has them.
    """

    domain: Domain
    arrays: Arrays


def fit_domain(
    train: Features,
    validation: Features,
    test: Features | None,
    *,
    components: int,
    false_alarm_rate: float,
) -> Fitted:
    """Fit the Gaussian of ``models.engines.keras.domain``, and choose the limit.

    Args:
        train: float32 [n, d], the pooled features that the Gaussian is fitted to.
        validation: likewise; a share ``false_alarm_rate`` of them is to be beyond the limit.
        test: likewise; only counted.
        components: number of principal components with a variance of their own, fewer if there
            are not so many.
        false_alarm_rate: above 0, below 1.

    Raises:
        TrainingError: if there are too few pictures for that, or all are alike.
    """
    components = min(components, train.shape[1] - 1)
    if len(train) < 2 * components:
        raise TrainingError(
            f"{components} components take at least {2 * components} pictures in the train split,"
            f" it has {len(train)}: take fewer components or more pictures"
        )
    if len(validation) * false_alarm_rate < 1:
        raise TrainingError(
            f"a false-alarm rate of {false_alarm_rate:g} takes at least"
            f" {int(np.ceil(1 / false_alarm_rate))} pictures in the validation split, it has"
            f" {len(validation)}"
        )
    arrays = _gaussian(train, components)
    # The quantile is a picture's own distance, so that no more than the share is beyond it.
    limit = np.quantile(distances(validation, arrays), 1 - false_alarm_rate, method="higher")
    if not limit > 0:
        raise TrainingError("the pictures are all alike: there is nothing to be far from")
    arrays |= {name: arrays[name] / np.float32(limit) for name in ("scale", "residual_scale")}
    tested = None if test is None or not len(test) else test
    about = Domain(
        components=components,
        pictures=len(train),
        limit_pictures=len(validation),
        false_alarm_rate=false_alarm_rate,
        test_pictures=None if tested is None else len(tested),
        test_false_alarm_rate=None if tested is None else beyond(distances(tested, arrays)),
    )
    return Fitted(about, arrays)


def distances(features: Features, arrays: Arrays) -> Features:
    """Compute what the network with these statistics answers: float32 [n]."""
    centred = _unit(features) - arrays["mean"]
    components = arrays["components"].astype(np.float32)
    along = centred @ components
    across = centred - along @ components.T
    squares = np.square(along * arrays["scale"]).sum(axis=1)
    squares += np.square(across * arrays["residual_scale"]).sum(axis=1)
    found: Features = np.sqrt(squares)
    return found


def beyond(found: Features) -> float:
    """Share of distances above 1, to four digits."""
    return round(float((found > 1).mean()), 4)


def pooled_features(
    bundle: Bundle, samples: Samples, *, on_progress: Callable[[int], None] | None = None
) -> Features:
    """Run a bundle's network up to its last layer.

    Returns:
        float32 [n, d].

    Raises:
        ModelUnavailableError: if the network has no pooled features.
        TrainingError: naming a picture that cannot be read.
    """
    graph, spec = features_graph(bundle), bundle.manifest.input.spec
    parts = []
    for start in range(0, len(samples.truth), _CHUNK):
        pixels = samples.read(range(start, min(start + _CHUNK, len(samples.truth))))
        parts.append(run(graph, preprocess(pixels, spec))[0])
        if on_progress:
            on_progress(len(pixels))
    if not parts:
        raise TrainingError("there are no pictures to compute features of")
    return np.concatenate(parts)


def _gaussian(features: Features, components: int) -> Arrays:
    """Principal components, and one over the deviation along each and across all of them."""
    unit = _unit(features).astype(np.float64)
    mean = unit.mean(axis=0)
    centred = unit - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / (len(unit) - 1))
    # From the largest to the smallest.
    variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1]
    scales = 1 / np.sqrt(variances + _ROUNDING**2 / len(variances))
    residual = variances[components:].mean() + _ROUNDING**2 / len(variances)
    arrays: Arrays = {
        "mean": mean.astype(np.float32),
        "components": directions[:, :components].astype(np.float32),
        "scale": scales[:components].astype(np.float32),
        "residual_scale": np.array([1 / np.sqrt(residual)], np.float32),
    }
    return to_half_precision(arrays)


def _unit(features: Features) -> Features:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    unit: Features = (features / np.maximum(length, _LEAST_LENGTH)).astype(np.float32)
    return unit
