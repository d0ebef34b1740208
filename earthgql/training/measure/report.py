"""A report folder: numbers as JSON and Markdown, and pictures of how the model does."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earthgql.errors import SetupError, TrainingError
from earthgql.training.data.samples import Samples
from earthgql.training.measure import metrics
from earthgql.training.measure.evaluation import summary, table

Floats = npt.NDArray[np.float32]
_COLUMNS = 6
_WORST = 36
_BRIGHTER = 1.6  # satellite chips are dark; on a contact sheet nobody would see anything


def require_matplotlib() -> None:
    """Check that matplotlib is installed, which is part of the extra ``train`` only.

    Raises:
        SetupError: if it is not; the message says how to install it.
    """
    if not importlib.util.find_spec("matplotlib"):
        raise SetupError(
            "figures of a report need matplotlib: make setup-dev installs it, or"
            " .venv/bin/uv pip install matplotlib"
        )


def write_report(
    folder: Path, result: dict[str, Any], samples: Samples, scores: Floats
) -> list[Path]:
    """Write ``evaluation.json``, ``report.md`` and four pictures.

    Args:
        folder: made if missing; files of an earlier report are replaced.
        result: what ``evaluation.measure`` gave.
        samples: the pictures measured on.
        scores: float32 [n, labels] of them.

    Returns:
        The files.

    Raises:
        TrainingError: if the folder cannot be written.
    """
    thresholds = np.array([row["threshold"] for row in result["labels"].values()])
    files = [folder / "evaluation.json", folder / "report.md"]
    write_json(files[0], result)
    try:
        files[1].write_text(_markdown(result))
        files += _plots(folder, samples, scores, thresholds)
        files.append(_worst(folder, samples, scores, thresholds))
    except OSError as error:
        raise TrainingError(f"cannot write the report to {folder}: {error.strerror}") from None
    return files


def write_json(path: Path, result: dict[str, Any]) -> None:
    """Write the numbers of an evaluation.

    Raises:
        TrainingError: if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=1) + "\n")
    except OSError as error:
        raise TrainingError(f"cannot write {path}: {error.strerror}") from None


def _markdown(result: dict[str, Any]) -> str:
    pictures = "\n".join(
        f"![{alt}]({name}.png)\n"
        for name, alt in (
            ("precision-recall", "Precision against recall, per label"),
            ("reliability", "Observed frequency against score, per label"),
            ("scores", "Histograms of the scores, per label"),
            ("worst", "The pictures with the worst answers"),
        )
    )
    return f"# Evaluation\n\n{summary(result)}\n{table(result)}\n{pictures}"


def _plots(
    folder: Path, samples: Samples, scores: Floats, thresholds: npt.NDArray[np.float64]
) -> list[Path]:
    draw = {"precision-recall": _curve, "reliability": _reliability, "scores": _histogram}
    files = []
    for name, draw_label in draw.items():
        figure, axes = _grid(len(samples.labels))
        for index, (axis, label) in enumerate(zip(axes, samples.labels, strict=False)):
            draw_label(axis, samples.truth[:, index], scores[:, index], thresholds[index])
            axis.set_title(label, fontsize=9)
        figure.savefig(folder / f"{name}.png", dpi=90)
        files.append(folder / f"{name}.png")
    return files


def _grid(count: int) -> tuple[Any, list[Any]]:
    # The object-oriented interface: pyplot would keep every figure and look for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-count // _COLUMNS)
    figure = Figure(figsize=(2.2 * _COLUMNS, 2.1 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axis in axes[count:]:
        axis.set_axis_off()
    return figure, list(axes[:count])


def _curve(axis: Any, truth: Any, scores: Any, threshold: float) -> None:
    precision, recall, cutoffs = metrics.precision_recall_curve(truth, scores)
    axis.plot(recall, precision, lw=1)
    at = int(np.searchsorted(-cutoffs, -threshold, side="right")) - 1
    if at >= 0:
        axis.plot(recall[at], precision[at], "o", ms=4)
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02))


def _reliability(axis: Any, truth: Any, scores: Any, _threshold: float) -> None:
    _, share, score, frequency = metrics.reliability(truth, scores)
    axis.plot((0, 1), (0, 1), ":", c="grey", lw=1)
    axis.scatter(score, frequency, s=4 + 60 * np.sqrt(share))
    axis.set(xlim=(0, 1.02), ylim=(0, 1.02))


def _histogram(axis: Any, truth: Any, scores: Any, threshold: float) -> None:
    present = truth.astype(bool)
    axis.hist((scores[~present], scores[present]), bins=20, range=(0, 1), stacked=True, log=True)
    axis.axvline(threshold, c="black", lw=1)


def _worst(
    folder: Path, samples: Samples, scores: Floats, thresholds: npt.NDArray[np.float64]
) -> Path:
    import cv2

    from earthgql.training.measure.contact_sheet import contact_sheet

    answers = scores >= thresholds
    worth = metrics.Counts.of(samples.truth, answers, axis=1).f(2.0)
    worst = np.argsort(worth, kind="stable")[:_WORST]
    captions = [_mistakes(samples, answers, int(index)) for index in worst]
    pixels = samples.read(worst.tolist()).astype(np.float32) * _BRIGHTER
    sheet = contact_sheet(np.clip(pixels, 0, 255).astype(np.uint8), captions, _COLUMNS)
    path = folder / "worst.png"
    if not cv2.imwrite(str(path), sheet[..., ::-1]):
        raise TrainingError(f"cannot write {path}")
    return path


def _mistakes(samples: Samples, answers: npt.NDArray[np.bool_], index: int) -> list[str]:
    labels = np.array(samples.labels)
    true = samples.truth[index].astype(bool)
    missed, false = labels[true & ~answers[index]], labels[~true & answers[index]]
    return [
        samples.names[index],
        *(f"missed {label}" for label in missed),
        *(f"wrong {label}" for label in false),
    ]
