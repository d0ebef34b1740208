"""The same pictures scored by several classifiers: what differs, how well, how fast."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from earthgql.errors import TrainingError
from earthgql.models.protocol import Classifier, classify_all
from earthgql.training.data.samples import Samples
from earthgql.training.measure import metrics
from earthgql.training.measure.evaluation import Floats

_CHUNK = 32


@dataclass(frozen=True)
class Measured:
    """What one classifier made of the pictures.

    Attributes:
        f2: averaged over pictures, at the thresholds of the bundle; what is not known is left out.
        largest_difference: of a score, from that of the first classifier.
        changed_labels: share of labels that are present for one and absent for the other.
        per_second: pictures scored per second, resizing included.
    """

    name: str
    f2: float
    largest_difference: float
    changed_labels: float
    per_second: float


def compare(
    classifiers: Mapping[str, Classifier],
    samples: Samples,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> list[Measured]:
    """Score pictures with each classifier in turn, so that all see the same load of the machine.

    Args:
        classifiers: by name; the first is what the others are compared with.
        samples: labelled pictures of the classifiers' labels.
        on_progress: called with the number of pictures just done by all.

    Raises:
        TrainingError: if there are no pictures, or they have other labels.
    """
    count = len(samples.truth)
    if not count or any(c.identity.labels != samples.labels for c in classifiers.values()):
        raise TrainingError("the pictures to compare on are none, or not of the model's labels")
    seconds = dict.fromkeys(classifiers, 0.0)
    scores: dict[str, list[Floats]] = {name: [] for name in classifiers}
    for classifier in classifiers.values():
        classifier.warm_up()
    for start in range(0, count, _CHUNK):
        pixels = samples.read(range(start, min(start + _CHUNK, count)))
        for name, classifier in classifiers.items():
            began = time.perf_counter()
            scores[name].append(classify_all(classifier, pixels))
            seconds[name] += time.perf_counter() - began
        if on_progress:
            on_progress(len(pixels))
    joined = {name: np.concatenate(parts) for name, parts in scores.items()}
    thresholds = np.asarray(next(iter(classifiers.values())).identity.thresholds)
    reference = next(iter(joined.values()))
    known = getattr(samples, "known", None)
    known = np.ones_like(samples.truth) if known is None else known
    return [
        Measured(
            name,
            metrics.sample_f(samples.truth * known, (found >= thresholds) & (known > 0)),
            float(np.abs(found - reference).max()),
            float(((found >= thresholds) != (reference >= thresholds)).mean()),
            count / seconds[name],
        )
        for name, found in joined.items()
    ]
