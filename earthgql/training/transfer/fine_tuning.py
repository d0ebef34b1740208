"""A bundle for labels of one's own, made of another bundle and a few hundred labelled pictures.

First the head alone learns, on features of the frozen network, then the last stages with it. Both
stop when the validation split no longer gains, and what was best there is kept.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.bundle import Bundle, to_half_precision
from earthgql.models.calibration import calibrate
from earthgql.models.engines.keras.network import arrays_of, build, keras_module, set_arrays
from earthgql.models.preprocess import InputSpec
from earthgql.training.data.batches import plain_batches
from earthgql.training.data.samples import FileSamples, Samples, Splits
from earthgql.training.measure.baselines import best_constant
from earthgql.training.measure.evaluation import measure
from earthgql.training.measure.tuning import Tuned, tune
from earthgql.training.transfer.learning import (
    Progress,
    Recipe,
    flat,
    learn_head,
    learn_stages,
    repeated,
    scores_of,
)
from earthgql.training.transfer.network import transfer
from earthgql.training.transfer.views import Views, views_of

FEWEST = {"train": 20, "validation": 8}
"""Pictures below which there is nothing to learn from, or to stop by."""

Floats = npt.NDArray[np.float32]
_PREDICT_BATCH = 64
_VALIDATION_VIEWS = 4  # of the same few pictures: thresholds fitted to more of them hold better
_PREDICT_BATCH = 64


@dataclass
class Tuning:
    """A finished fine-tuning.

    Attributes:
        network: Keras network, its kernels rounded to half precision.
        spec: its input.
        tuned: thresholds and calibration, fitted on the validation split.
        report: see ``fine_tune``.
    """

    network: Any
    spec: InputSpec
    tuned: Tuned
    report: dict[str, Any] = field(default_factory=dict)


def fine_tune(
    bundle: Bundle, splits: Splits, recipe: Recipe, *, folder: Path, progress: Progress
) -> Tuning:
    """Make a network for the labels of a data set.

    Args:
        bundle: what to begin with.
        splits: the labelled pictures; the test split, if any, is only measured on.
        recipe: how.
        folder: for temporary files, which go whatever happens.
        progress: shows how far it is.

    Returns:
        The network, and a report: ``from`` (name, version, hash), ``data`` (pictures of each split
        and label), ``recipe``, ``seconds``, ``learning`` (losses) and ``test``, which has what
        ``evaluation.measure`` says of ``before``, ``head`` and ``after``; None without test split.

    Raises:
        TrainingError: if there are too few pictures, a label has none, a picture cannot be read,
            or the network cannot be fine-tuned like that.
    """
    check(splits)
    began = time.monotonic()
    keras_module().utils.set_random_seed(recipe.seed)
    size = recipe.size or bundle.manifest.input.spec.size
    spec = replace(bundle.manifest.input.spec, size=size)
    parts = transfer(bundle, splits.labels, size, recipe.stages)
    test = splits.test if splits.test is not None and len(splits.test.truth) else None
    learning: dict[str, Any] = {}
    tests: dict[str, Any] = {}

    def measured(name: str, tuned: Tuned) -> None:
        if test is not None:
            with progress(f"Test ({name})", len(test.truth)) as done:
                scores = scores_on(parts.network, test, spec, done)
            scores = calibrate(scores, tuned.calibration)
            tests[name] = measure(test, scores, tuned.thresholds)

    if test is not None:
        with progress("Test (before)", len(test.truth)) as done:
            tests["before"] = measure_before(bundle, splits, test, done)
    with _temporary(folder) as place:

        def seen(split: Samples, name: str, views: int) -> Views:
            with progress(f"Features of the {name} pictures", views * len(split.truth)) as done:
                return views_of(parts, split, spec, views, folder=place, on_progress=done)

        train = seen(splits.train, "training", recipe.views)
        validation = seen(splits.validation, "validation", min(recipe.views, _VALIDATION_VIEWS))
        learning["head"] = learn_head(parts, train, validation, recipe, progress)
        if recipe.stages:
            measured("head", _tune(parts.head(flat(validation.features)), validation, recipe))
            learning["stages"] = learn_stages(parts, train, validation, recipe, progress)
        set_arrays(parts.network, to_half_precision(arrays_of(parts.network)), "the network")
        tuned = _tune(scores_of(parts, validation), validation, recipe)
    measured("after", tuned)
    if not recipe.stages and test is not None:
        tests["head"] = tests["after"]
    report = {
        "from": source_of(bundle),
        "data": summary_of(splits),
        "recipe": asdict(replace(recipe, size=size)),
        "seconds": round(time.monotonic() - began, 1),
        "learning": learning,
        "validation": {"f2": round(tuned.f2, 4), "macro_f1": round(tuned.macro_f1, 4)},
        "test": tests or None,
    }
    return Tuning(parts.network, spec, tuned, report)


def check(splits: Splits) -> None:
    """See that there is enough to learn from.

    Raises:
        TrainingError: saying what is lacking.
    """
    for name, part in (("train", splits.train), ("validation", splits.validation)):
        if len(part.truth) < FEWEST[name]:
            raise TrainingError(
                f"the {name} split has {len(part.truth)} pictures; at least {FEWEST[name]} are"
                " needed"
            )
    lacking = without_positives(splits)
    if lacking:
        raise TrainingError(
            f"no picture of the train split has the label {', '.join(lacking)}: add some, or leave"
            " such labels out with --drop-empty"
        )


def without_positives(splits: Splits) -> list[str]:
    """Labels that no picture of the train split has."""
    count = splits.train.truth.sum(axis=0)
    return [label for label, pictures in zip(splits.labels, count, strict=True) if not pictures]


def without(splits: Splits, labels: list[str]) -> Splits:
    """Leave labels out of a data set; its pictures all stay.

    Raises:
        TrainingError: if no label is left.
    """
    kept = [k for k, label in enumerate(splits.labels) if label not in labels]
    if not kept:
        raise TrainingError("no picture of the train split has any label")
    names = tuple(splits.labels[k] for k in kept)

    def of(part: Any) -> FileSamples:
        return FileSamples(names, part.truth[:, kept], part.paths)

    test = None if splits.test is None else of(splits.test)
    return Splits(of(splits.train), of(splits.validation), test)


def source_of(bundle: Bundle) -> dict[str, str]:
    """What a network was made of: name, version and hash."""
    identity = bundle.identity
    return {"name": identity.name, "version": identity.version, "sha256": identity.sha256}


def summary_of(splits: Splits) -> dict[str, Any]:
    """Pictures of each split, and of each label in it."""
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    there = {name: part for name, part in parts.items() if part is not None}
    return {
        "pictures": {name: len(part.truth) for name, part in there.items()},
        "labels": {
            label: {name: int(part.truth[:, k].sum()) for name, part in there.items()}
            for k, label in enumerate(splits.labels)
        },
    }


def measure_before(
    bundle: Bundle, splits: Splits, test: Samples, on_progress: Callable[[int], object]
) -> dict[str, Any]:
    """Measure what there is without fine-tuning.

    Returns:
        What ``evaluation.measure`` says, and ``kind``: ``bundle`` as it is where it knows the
        labels, else ``constant``: the same labels for every picture, the best such set by the F2
        of the train split.
    """
    known = bundle.manifest.labels
    if not set(splits.labels) <= set(known):
        chosen = best_constant(splits.train.truth).astype(np.float32)
        on_progress(len(test.truth))
        everywhere = np.broadcast_to(chosen, test.truth.shape)
        return {"kind": "constant"} | measure(test, everywhere, np.full(len(chosen), 0.5))
    scores = scores_on(build(bundle), test, bundle.manifest.input.spec, on_progress)
    columns = [known.index(label) for label in splits.labels]
    scores = calibrate(scores, bundle.manifest.calibration)[:, columns]
    return {"kind": "bundle"} | measure(test, scores, np.array(bundle.manifest.thresholds)[columns])


def _tune(scores: Any, validation: Views, recipe: Recipe) -> Tuned:
    found = np.asarray(scores, np.float32)
    return tune(repeated(validation), found, temperature=True, goal=recipe.goal)


def scores_on(
    network: Any, samples: Samples, spec: InputSpec, on_progress: Callable[[int], object]
) -> Floats:
    """Score the pictures of a split as they are: float32 [n, labels], not calibrated."""
    rows = []
    for inputs in plain_batches(samples, spec, _PREDICT_BATCH):
        rows.append(network.predict_on_batch(inputs))
        on_progress(len(inputs))
    return np.concatenate(rows).astype(np.float32)


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = TemporaryDirectory(prefix="fine-tuning-", dir=folder)
    except OSError as error:
        raise TrainingError(f"{folder} cannot be written: {error.strerror}") from None
    with place as name:
        yield Path(name)
