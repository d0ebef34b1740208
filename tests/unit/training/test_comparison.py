import numpy as np
import pytest
from support.pixel_classifier import PixelClassifier, pixel_scores

from earthgql.errors import TrainingError
from earthgql.models.protocol import Pixels, Scores
from earthgql.training.data.samples import ArraySamples
from earthgql.training.measure.engine_comparison import compare


class Lower(PixelClassifier):
    """Scores of which the first label's is lower by a quarter."""

    def scores(self, pixels: Pixels) -> Scores:
        return super().scores(pixels) - np.eye(1, 17, dtype=np.float32) / 4


@pytest.fixture
def samples() -> ArraySamples:
    """Forty plain colours, each with the labels that ``PixelClassifier`` says."""
    colours = np.random.default_rng(1).integers(0, 256, (40, 1, 1, 3), dtype=np.uint8)
    images = np.broadcast_to(colours, (40, 256, 256, 3))
    truth = (pixel_scores(images) >= 0.5).astype(np.uint8)
    labels = PixelClassifier().identity.labels
    return ArraySamples(labels, truth, [str(k) for k in range(40)], images)


def test_classifiers_are_compared_with_the_first(samples: ArraySamples) -> None:
    seen: list[int] = []
    first, second = compare(
        {"plain": PixelClassifier(), "lower": Lower()}, samples, on_progress=seen.append
    )
    present = pixel_scores(samples.images)[:, 0]
    changed = ((present >= 0.5) & (present < 0.75)).sum() / (40 * 17)
    assert changed > 0
    assert (first.name, first.f2, first.largest_difference, first.changed_labels) == (
        *("plain", pytest.approx(1), 0),
        0,
    )
    assert second.largest_difference == pytest.approx(0.25)
    assert second.changed_labels == pytest.approx(changed)
    assert second.f2 < 1
    assert min(first.per_second, second.per_second) > 0
    assert seen == [32, 8]


def test_pictures_of_other_labels_are_refused(samples: ArraySamples) -> None:
    other = ArraySamples(("a",), samples.truth[:, :1], samples.names, samples.images)
    with pytest.raises(TrainingError, match="not of the model's labels"):
        compare({"plain": PixelClassifier()}, other)
