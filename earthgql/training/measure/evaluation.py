"""Measuring a model on pictures whose labels are known."""

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.protocol import Classifier, classify_all
from earthgql.training.data.samples import Samples
from earthgql.training.measure import metrics
from earthgql.training.measure.baselines import Baselines

Floats = npt.NDArray[np.float32]
_CHUNK = 64


def score(
    classifier: Classifier,
    samples: Samples,
    *,
    turns: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Floats:
    """Score every picture of a split.

    Args:
        classifier: the model, calibration included.
        samples: the pictures.
        turns: average the scores over the 8 turns and reflections of each picture.
        on_progress: called with the number of pictures just done.

    Returns:
        float32 [n, labels].

    Raises:
        TrainingError: if the model's labels are not those of the data set.
    """
    if classifier.identity.labels != samples.labels:
        raise TrainingError(
            f"the model knows {', '.join(classifier.identity.labels)}; the data set has"
            f" {', '.join(samples.labels)}"
        )
    parts = []
    for start in range(0, len(samples.truth), _CHUNK):
        pixels = samples.read(range(start, min(start + _CHUNK, len(samples.truth))))
        parts.append(
            _turned_scores(classifier, pixels) if turns else classify_all(classifier, pixels)
        )
        if on_progress:
            on_progress(len(pixels))
    if not parts:
        raise TrainingError("the split to measure on is empty")
    return np.concatenate(parts)


def _turned_scores(classifier: Classifier, pixels: npt.NDArray[np.uint8]) -> Floats:
    total = np.zeros((len(pixels), len(classifier.identity.labels)), np.float32)
    for mirrored in (pixels, pixels[:, :, ::-1]):
        for quarter in range(4):
            turned = np.ascontiguousarray(np.rot90(mirrored, quarter, axes=(1, 2)))
            total += classify_all(classifier, turned)
    return total / np.float32(8)


def measure(
    samples: Samples, scores: Floats, thresholds: npt.ArrayLike, baselines: Baselines | None = None
) -> dict[str, Any]:
    """All numbers of an evaluation as JSON-like values; what cannot be measured is None."""
    truth, answers = samples.truth, scores >= np.asarray(thresholds)
    per_label = metrics.Counts.of(truth, answers, axis=0)
    precision = metrics.average_precision(truth, scores)
    errors = metrics.calibration_error(truth, scores)
    known = precision[~np.isnan(precision)]
    return {
        "pictures": len(truth),
        "f2": _rounded(metrics.sample_f(truth, answers)),
        "micro_f1": _rounded(metrics.micro_f1(truth, answers)),
        "macro_f1": _rounded(metrics.macro_f1(truth, answers)),
        "mean_average_precision": _rounded(float(known.mean()) if len(known) else math.nan),
        "calibration_error": _rounded(float(errors.mean())),
        "baselines": None if baselines is None else _plain(asdict(baselines)),
        "labels": {
            label: {
                "pictures": int(truth[:, k].sum()),
                "threshold": _rounded(float(np.asarray(thresholds)[k])),
                "precision": _rounded(per_label.precision[k]),
                "recall": _rounded(per_label.recall[k]),
                "f1": _rounded(per_label.f(1.0)[k]),
                "average_precision": _rounded(precision[k]),
                "calibration_error": _rounded(errors[k]),
            }
            for k, label in enumerate(samples.labels)
        },
    }


def table(result: dict[str, Any]) -> str:
    """The numbers per label as a Markdown table."""
    lines = [
        "| label | pictures | precision | recall | average precision | calibration error"
        " | threshold |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for label, row in result["labels"].items():
        cells = [
            "-" if row[key] is None else f"{row[key]:.3f}"
            for key in (
                "precision",
                "recall",
                "average_precision",
                "calibration_error",
                "threshold",
            )
        ]
        lines.append(f"| {label} | {row['pictures']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def summary(result: dict[str, Any]) -> str:
    """The numbers over all labels in a few lines of Markdown."""
    lines = [
        f"{result['pictures']} pictures: F2 **{result['f2']:.4f}**, micro F1"
        f" {result['micro_f1']:.4f}, macro F1 {result['macro_f1']:.4f}, mean average precision"
        f" {result['mean_average_precision']:.4f}, calibration error"
        f" {result['calibration_error']:.4f}."
    ]
    if result["baselines"]:
        base = result["baselines"]
        lines.append(
            f"For comparison: the best constant answer ({', '.join(base['constant'])}) F2"
            f" {base['constant_f2']:.4f}; logistic regression on colour means and deviations F2"
            f" {base['colour_f2']:.4f}."
        )
    return "\n\n".join(lines) + "\n"


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: _rounded(v) if isinstance(v, float) else v for k, v in fields.items()}
