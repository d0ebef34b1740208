import threading
from concurrent.futures import Future

import numpy as np
import pytest
from support.pixel_classifier import PixelClassifier, pixel_scores

from earthgql.models.protocol import Pixels, Predictions, classify_all


class Counting(PixelClassifier):
    """Counts the batches that are under way at once."""

    under_way = most = 0
    lock = threading.Lock()

    def start(self, pixels: Pixels) -> Future[Predictions]:
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        future = super().start(pixels)
        future.add_done_callback(self.ended)
        return future

    def ended(self, _: Future[Predictions]) -> None:
        with self.lock:
            self.under_way -= 1


@pytest.mark.parametrize("parallel", [1, 3])
def test_all_are_scored_in_order_with_no_more_batches_than_wanted(
    parallel: int, telling_pictures: np.ndarray
) -> None:
    classifier = Counting(batch_size=3, parallel=parallel, seconds_per_tile=0.002)
    scores = classify_all(classifier, telling_pictures)
    assert np.array_equal(scores, pixel_scores(telling_pictures))
    assert classifier.submissions == [3, 3, 3, 3, 3, 1]
    # A batch may be counted for a moment after its result is there.
    assert parallel <= classifier.most <= parallel + 1


def test_no_tiles_no_scores(telling_pictures: np.ndarray) -> None:
    assert classify_all(PixelClassifier(), telling_pictures[:0]).shape == (0, 17)
