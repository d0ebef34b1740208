"""How good scores are, in plain NumPy. Truth is 0/1 ``[n, labels]``, scores 0..1 likewise."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Truth = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.floating]
Answers = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]

_GRID: Vector = np.concatenate([np.arange(0.02, 0.2, 0.01), np.arange(0.2, 0.92, 0.02)])


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives along one axis."""

    hits: Vector
    false: Vector
    missed: Vector

    @classmethod
    def of(cls, truth: Truth, answers: Answers, axis: int) -> "Counts":
        """Count along an axis: 1 per picture, 0 per label."""
        true = truth.astype(bool)
        return cls(
            np.sum(true & answers, axis=axis, dtype=np.float64),
            np.sum(~true & answers, axis=axis, dtype=np.float64),
            np.sum(true & ~answers, axis=axis, dtype=np.float64),
        )

    def f(self, beta: float) -> Vector:
        """F-beta; 0 where there is neither truth nor answer, as in scikit-learn."""
        weight = beta * beta
        below = (1 + weight) * self.hits + weight * self.missed + self.false
        return _ratio((1 + weight) * self.hits, below)

    @property
    def precision(self) -> Vector:
        """Share of the answers that are true; 0 without answers."""
        return _ratio(self.hits, self.hits + self.false)

    @property
    def recall(self) -> Vector:
        """Share of the truth that was answered; 0 without truth."""
        return _ratio(self.hits, self.hits + self.missed)

    def total(self) -> "Counts":
        """All of it together, as arrays of one."""
        return Counts(*(np.array([x.sum()]) for x in (self.hits, self.false, self.missed)))


def _ratio(above: Vector, below: Vector) -> Vector:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def sample_f(truth: Truth, answers: Answers, beta: float = 2.0) -> float:
    """F-beta of each picture, averaged over the pictures: F2 is the score of Planet's contest."""
    return float(Counts.of(truth, answers, axis=1).f(beta).mean()) if len(truth) else 0.0


def micro_f1(truth: Truth, answers: Answers) -> float:
    """F1 over all picture-label pairs."""
    return float(Counts.of(truth, answers, axis=0).total().f(1.0)[0])


def macro_f1(truth: Truth, answers: Answers) -> float:
    """F1 of each label, averaged over the labels."""
    return float(Counts.of(truth, answers, axis=0).f(1.0).mean())


def average_precision(truth: Truth, scores: Scores) -> Vector:
    """Average precision per label (area under the steps of the precision-recall curve).

    NaN for a label that is never true.
    """
    return np.array([_average_precision(truth[:, k], scores[:, k]) for k in range(truth.shape[1])])


def _average_precision(truth: npt.NDArray[np.uint8], scores: npt.NDArray[np.floating]) -> float:
    if not truth.any():
        return float("nan")
    precision, recall, _ = precision_recall_curve(truth, scores)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def precision_recall_curve(
    truth: npt.NDArray[np.uint8], scores: npt.NDArray[np.floating]
) -> tuple[Vector, Vector, Vector]:
    """Precision and recall at every distinct score of one label, from the highest score down.

    Returns:
        precision, recall, cutoff: answers are the scores at or above the cutoff.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, true = scores[order], truth[order].astype(np.float64)
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    hits = np.cumsum(true)[ends]
    return hits / (ends + 1.0), hits / max(true.sum(), 1.0), ranked[ends].astype(np.float64)


def calibration_error(truth: Truth, scores: Scores, bins: int = 15) -> Vector:
    """Expected calibration error per label: the gap between scores and observed frequency.

    Scores are put into ``bins`` of equal width; gaps weigh by the scores in the bin.
    """
    errors = np.zeros(truth.shape[1])
    for label in range(truth.shape[1]):
        _, share, score, frequency = reliability(truth[:, label], scores[:, label], bins)
        errors[label] = np.sum(share * np.abs(score - frequency))
    return errors


def reliability(
    truth: npt.NDArray[np.uint8], scores: npt.NDArray[np.floating], bins: int = 15
) -> tuple[npt.NDArray[np.intp], Vector, Vector, Vector]:
    """Reliability of one label.

    Returns:
        bin, share of the pictures in it, mean score in it, observed frequency in it; of the bins
        that are not empty.
    """
    place = np.minimum((np.asarray(scores, np.float64) * bins).astype(np.intp), bins - 1)
    count = np.bincount(place, minlength=bins).astype(np.float64)
    filled = np.flatnonzero(count)
    score = np.bincount(place, scores, bins)[filled] / count[filled]
    frequency = np.bincount(place, truth, bins)[filled] / count[filled]
    return filled, count[filled] / max(len(scores), 1), score, frequency


def tune_for_macro_f1(truth: Truth, scores: Scores) -> Vector:
    """Cutoffs that maximise the F1 of each label by itself; 0.5 for labels never true."""
    answers = scores[None] >= _GRID[:, None, None]
    worth = np.stack([Counts.of(truth, each, axis=0).f(1.0) for each in answers])
    cutoffs = np.array([_middle_of_best(worth[:, k]) for k in range(truth.shape[1])])
    cutoffs[~truth.any(axis=0)] = 0.5
    return cutoffs


def tune_thresholds(truth: Truth, scores: Scores, rounds: int = 4) -> Vector:
    """Cutoffs per label that maximise the sample-averaged F2 on these pictures.

    Starts from the best cutoff common to all labels and improves one label at a time. Labels
    never true keep a cutoff of 0.5. Whoever reports F2 must use other pictures than these.
    """
    common = max(_GRID, key=lambda cutoff: sample_f(truth, scores >= cutoff))
    cutoffs = np.full(truth.shape[1], common)
    cutoffs[~truth.any(axis=0)] = 0.5
    known = np.flatnonzero(truth.any(axis=0))
    for _ in range(rounds):
        before = cutoffs.copy()
        for label in known:
            cutoffs[label] = _best_cutoff(truth, scores, cutoffs, int(label))
        if np.array_equal(before, cutoffs):
            break
    return cutoffs


def _best_cutoff(truth: Truth, scores: Scores, cutoffs: Vector, label: int) -> float:
    """The middle of the cutoffs of a label that are best with the other labels' as they are."""
    answers = scores >= cutoffs
    worth = []
    for cutoff in _GRID:
        answers[:, label] = scores[:, label] >= cutoff
        worth.append(sample_f(truth, answers))
    return _middle_of_best(np.array(worth))


def _middle_of_best(worth: Vector) -> float:
    # The middle of a plateau holds better on other pictures than its edge.
    best = np.flatnonzero(np.isclose(worth, worth.max(), rtol=0, atol=1e-9))
    return float(_GRID[best[len(best) // 2]])
