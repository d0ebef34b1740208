import gc
import logging
import math
import threading
import time
import weakref
from concurrent.futures import Future, wait

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pixel_classifier import (
    GatedClassifier,
    PixelClassifier,
    pixel_distances,
    pixel_scores,
)

from earthgql.errors import DeadlineError, ModelUnavailableError
from earthgql.models.protocol import Predictions
from earthgql.scoring.batcher import Batcher
from earthgql.scoring.pace import Pace

TIMEOUT_S = 30
NOBODY = object()


def tile(number: int) -> np.ndarray:
    """A tile whose number its pixels tell."""
    return np.full((256, 256, 3), number, np.uint8)


def number(pixels: np.ndarray) -> int:
    return int(pixels[0, 0, 0])


def scores(number: int) -> list[float]:
    return pixel_scores(tile(number)[np.newaxis])[0].tolist()


def batches(classifier: GatedClassifier) -> list[list[int]]:
    return [[number(pixels) for pixels in batch] for batch in classifier.asked]


def done(futures: list[Future]) -> None:
    finished, unfinished = wait(futures, TIMEOUT_S)
    assert not unfinished
    assert len(finished) == len(futures)


@pytest.fixture
def gated():
    """Makes batchers on classifiers that run when told to, and ends them."""
    made: list[tuple[Batcher, GatedClassifier]] = []

    def make(batch_size: int = 32, parallel: int = 1, **options):
        classifier = GatedClassifier(batch_size=batch_size, parallel=parallel)
        options.setdefault("max_batch_s", math.inf)
        batcher = Batcher(classifier, **options)
        made.append((batcher, classifier))
        return batcher, classifier

    yield make
    for batcher, classifier in made:
        classifier.let()
        batcher.close()


def busy(batcher: Batcher, classifier: GatedClassifier) -> Future:
    """Give the engine a first tile, which it holds on to."""
    future = batcher.submit(NOBODY, tile(255))
    classifier.wait_begun()
    return future


def test_tiles_that_come_while_the_engine_is_busy_are_joined(gated) -> None:
    batcher, classifier = gated()
    first = busy(batcher, classifier)
    futures = [batcher.submit(f"request {i % 4}", tile(i)) for i in range(12)]
    assert len(batcher) == 12
    assert not first.done()
    classifier.let()
    done([first, *futures])
    assert batches(classifier) == [[255], list(range(12))]
    for i, future in enumerate(futures):
        assert future.result().scores.tolist() == scores(i)
    assert (batcher.statistics.batches, batcher.statistics.tiles) == (2, 13)
    assert batcher.statistics.mean_batch == 6.5
    assert batcher.statistics.longest_queue == 12
    assert len(batcher) == 0


def test_requests_are_served_in_turn(gated) -> None:
    batcher, classifier = gated(batch_size=4)
    busy(batcher, classifier)
    viewport = [batcher.submit("viewport", tile(i)) for i in range(10)]
    clicks = [batcher.submit(f"click {i}", tile(100 + i)) for i in range(2)]
    classifier.let()
    done(viewport + clicks)
    assert batches(classifier) == [[255], [0, 100, 101, 1], [2, 3, 4, 5], [6, 7, 8, 9]]


def test_batches_of_few_requests_are_short_and_grow_with_their_number(gated) -> None:
    batcher, classifier = gated(batch_size=8, max_batch_s=0.0)
    busy(batcher, classifier)
    futures = [batcher.submit("viewport", tile(i)) for i in range(6)]
    classifier.let(1)
    classifier.wait_begun()
    futures += [batcher.submit(f"click {i}", tile(100 + i)) for i in range(3)]
    classifier.let()
    done(futures)
    assert batches(classifier) == [[255], [0], [100, 101, 102, 1], [2], [3], [4], [5]]


def test_a_click_shares_its_batch_with_one_tile_of_each_other_request(gated) -> None:
    batcher, classifier = gated(batch_size=8, max_batch_s=60.0)
    busy(batcher, classifier)
    futures = [batcher.submit("viewport", tile(i)) for i in range(14)]
    classifier.let(1)
    classifier.wait_begun()
    futures.append(batcher.submit("click", tile(100)))
    classifier.let()
    done(futures)
    first, second, third, *_ = batches(classifier)
    assert (first, second[0], third) == ([255], 0, [100, len(second)])


def test_a_full_batch_is_not_exceeded_and_several_run_at_once(gated) -> None:
    batcher, classifier = gated(batch_size=3, parallel=2)
    futures = [batcher.submit(NOBODY, tile(255))]
    classifier.wait_begun()
    # The second place is free, so the next tile does not wait for company.
    futures += [batcher.submit(i, tile(i)) for i in range(8)]
    classifier.let()
    done(futures)
    assert max(classifier.submissions) <= 3
    assert batcher.max_batch_size == 3


def test_a_free_engine_waits_for_company_only_if_told(gated) -> None:
    batcher, classifier = gated(batch_size=3, batch_wait_timeout_s=60)
    classifier.let()
    futures = [batcher.submit(i, tile(i)) for i in range(3)]
    done(futures)
    assert batches(classifier) == [[0, 1, 2]]
    batcher, classifier = gated(batch_size=3, batch_wait_timeout_s=0.05)
    classifier.let()
    done([batcher.submit(0, tile(0))])
    assert batches(classifier) == [[0]]


def test_it_has_no_limit_of_its_own_on_what_waits(gated) -> None:
    batcher, classifier = gated()
    busy(batcher, classifier)
    same = tile(1)
    for i in range(5000):
        batcher.submit(i % 7, same)
    assert len(batcher) == 5000


def test_cancelled_and_late_tiles_never_run(gated) -> None:
    batcher, classifier = gated()
    first = busy(batcher, classifier)
    wanted = batcher.submit("a", tile(1))
    cancelled = batcher.submit("a", tile(2))
    late = batcher.submit("b", tile(3), deadline=time.monotonic())
    assert cancelled.cancel()
    assert not first.cancel(), "what runs cannot be called back"
    classifier.let()
    done([first, wanted, late])
    assert batches(classifier) == [[255], [1]]
    assert isinstance(late.exception(), DeadlineError)
    assert batcher.statistics.dropped == 2


def test_a_tile_that_somebody_joins_runs_when_the_first_has_its_turn(gated) -> None:
    batcher, classifier = gated(batch_size=2)
    busy(batcher, classifier)
    viewport = [batcher.submit("viewport", tile(i), time.monotonic()) for i in range(6)]
    batcher.join("click", viewport[5], math.inf)
    classifier.let()
    done(viewport)
    assert batches(classifier) == [[255], [5]], "and its time is that of who has longest"
    assert viewport[5].result().scores.tolist() == scores(5)
    batcher.join("too late", viewport[5])
    assert len(batcher) == 0


class Sick(GatedClassifier):
    """Cannot bear some tiles."""

    def scores(self, pixels):
        found = super().scores(pixels)
        for row, picture in enumerate(pixels):
            if number(picture) == 13:
                raise RuntimeError("out of luck at /secret/place")
            if number(picture) == 66:
                found[row, 5] = np.nan
            if number(picture) == 67:
                found[row, 5] = 1.5
        return found


def test_a_bad_tile_fails_alone(caplog) -> None:
    classifier = Sick()
    batcher = Batcher(classifier, max_batch_s=math.inf)
    first = busy(batcher, classifier)
    futures = {i: batcher.submit(i % 3, tile(i)) for i in (1, 13, 66, 67, 5)}
    classifier.let()
    with caplog.at_level(logging.WARNING):
        done([first, *futures.values()])
    for i in (1, 5):
        assert futures[i].result().scores.tolist() == scores(i)
    assert isinstance(futures[13].exception(), ModelUnavailableError)
    assert "secret" not in str(futures[13].exception())
    assert "/secret/place" in caplog.text
    for i in (66, 67):
        assert "not numbers between 0 and 1 for this tile" in str(futures[i].exception())
    assert sorted(map(len, batches(classifier)), reverse=True)[:2] == [5, 1]
    assert classifier.submissions.count(1) == 1 + 5, "each of the failed batch was tried once more"
    assert batcher.statistics.failed == 3
    batcher.close()


def test_others_do_not_wait_for_the_tiles_of_a_failed_batch(gated) -> None:
    classifier = Sick()
    batcher = Batcher(classifier, max_batch_s=math.inf)
    busy(batcher, classifier)
    futures = [batcher.submit("sick", tile(i)) for i in (1, 13, 2)]
    classifier.let(1)
    classifier.wait_begun()
    futures += [batcher.submit("well", tile(i)) for i in (50, 51)]
    classifier.let()
    done(futures)
    order = batches(classifier)
    assert order[:2] == [[255], [1, 13, 2]]
    assert order.index([50, 51]) <= 3, "after one at most of the three that are tried again"
    batcher.close()


def test_a_model_that_is_not_there_is_told_to_all_without_trying_again() -> None:
    class Absent(PixelClassifier):
        def scores(self, pixels):
            raise ModelUnavailableError("the weights do not fit")

    classifier = Absent()
    batcher = Batcher(classifier)
    futures = [batcher.submit(0, tile(i)) for i in range(3)]
    done(futures)
    assert {str(future.exception()) for future in futures} == {"the weights do not fit"}
    assert sum(classifier.submissions) == 3
    batcher.close()


def test_distances_go_with_their_tiles_and_impossible_ones_are_errors() -> None:
    class Far(PixelClassifier):
        def predictions(self, pixels):
            distances = pixel_distances(pixels)
            distances[[number(picture) == 66 for picture in pixels]] = np.inf
            return Predictions(self.scores(pixels), distances)

    class Unlike(PixelClassifier):
        def predictions(self, pixels):
            return Predictions(self.scores(pixels), np.ones(len(pixels) + 1, np.float32))

    batcher = Batcher(Far())
    futures = {i: batcher.submit(i, tile(i)) for i in (17, 66, 170)}
    done(list(futures.values()))
    assert futures[17].result().domain_distance == pytest.approx(0.2)
    assert futures[170].result().domain_distance == pytest.approx(2)
    assert isinstance(futures[66].exception(), ModelUnavailableError)
    batcher.close()
    batcher = Batcher(Unlike())
    future = batcher.submit(0, tile(1))
    done([future])
    assert "answered with shape [1, 17], [2]" in str(future.exception())
    batcher.close()
    batcher = Batcher(PixelClassifier())
    future = batcher.submit(0, tile(1))
    done([future])
    assert future.result().domain_distance is None
    batcher.close()


def test_an_engine_that_refuses_a_batch_or_answers_nonsense_hangs_nobody() -> None:
    class Refusing(PixelClassifier):
        def start(self, pixels):
            raise RuntimeError("no")

    class Nonsense(PixelClassifier):
        def scores(self, pixels):
            return None

    class Wrong(PixelClassifier):
        def scores(self, pixels):
            return np.zeros((len(pixels) + 1, 17), np.float32)

    class Calling(PixelClassifier):
        def start(self, pixels):
            future = Future()
            future.cancel()
            return future

    for kind in (Refusing, Nonsense, Wrong, Calling):
        batcher = Batcher(kind())
        futures = [batcher.submit(i, tile(i)) for i in range(3)]
        done(futures)
        assert {type(future.exception()) for future in futures} == {ModelUnavailableError}
        batcher.close()


def test_what_is_no_tile_is_refused_before_it_can_spoil_a_batch(gated) -> None:
    batcher, _ = gated()
    for pixels in (np.zeros((255, 256, 3), np.uint8), np.zeros((256, 256, 3), np.float32)):
        with pytest.raises(ValueError, match="not a tile"):
            batcher.submit(0, pixels)


def test_closing_cancels_what_waits_lets_run_what_runs_and_ends_the_thread(gated) -> None:
    batcher, classifier = gated()
    assert batcher._thread is None, "no thread before there is a tile"
    running = busy(batcher, classifier)
    waiting = [batcher.submit(i, tile(i)) for i in range(3)]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    done(waiting)
    assert all(future.cancelled() for future in waiting)
    classifier.let()
    closing.join(TIMEOUT_S)
    assert running.result().scores.tolist() == scores(255)
    with pytest.raises(ModelUnavailableError, match="being stopped"):
        batcher.submit(0, tile(0))
    assert batches(classifier) == [[255]]
    batcher.close()
    assert batcher._thread is not None
    batcher._thread.join(TIMEOUT_S)
    assert not batcher._thread.is_alive()


def test_pixels_are_not_kept() -> None:
    classifier = PixelClassifier()
    batcher = Batcher(classifier)
    pixels = tile(1)
    gone = weakref.ref(pixels)
    done([batcher.submit(0, pixels)])
    done([batcher.submit(0, tile(2))])
    batcher.close()
    del pixels
    gc.collect()
    assert gone() is None


@settings(max_examples=8, deadline=None)
@given(
    st.integers(1, 9),
    st.integers(1, 3),
    st.sampled_from([0.0, math.inf]),
    st.lists(st.lists(st.integers(0, 250), max_size=12), min_size=1, max_size=6),
)
def test_every_tile_gets_its_own_answer_whatever_comes_together(
    batch_size, parallel, max_batch_s, requests
) -> None:
    classifier = PixelClassifier(batch_size=batch_size, parallel=parallel)
    batcher = Batcher(classifier, max_batch_s=max_batch_s)
    answers: dict[int, list[list[float]]] = {}

    def ask(name: int, numbers: list[int]) -> None:
        futures = [batcher.submit(name, tile(i)) for i in numbers]
        answers[name] = [future.result(TIMEOUT_S).scores.tolist() for future in futures]

    threads = [threading.Thread(target=ask, args=item) for item in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    batcher.close()
    assert answers == {name: list(map(scores, numbers)) for name, numbers in enumerate(requests)}
    assert classifier.tiles == sum(map(len, requests)) == batcher.statistics.tiles
    assert max(classifier.submissions, default=0) <= batch_size


def test_pace_judges_by_the_best_of_the_last_and_smaller_sizes() -> None:
    pace = Pace()
    assert pace.expected(4) is None
    assert pace.size_within(0.1, 32) == 4, "a cautious first guess"
    assert pace.size_within(math.inf, 32) == 32
    pace.record(1, 10.0)
    assert pace.size_within(0.1, 32) == 1
    pace.record(1, 0.04)
    assert pace.expected(4) == pytest.approx(0.16)
    assert pace.size_within(0.1, 32) == 2
    pace.record(2, 0.045)
    assert pace.size_within(0.1, 32) == 4
    for _ in range(9):
        pace.record(4, 5.0)
    assert pace.expected(4) == pytest.approx(0.09)
    for size in (1, 2, 4):
        for _ in range(9):
            pace.record(size, 1.0)
    assert pace.size_within(0.1, 32) == 1
    pace.record(8, 0.001)
    assert pace.size_within(0.1, 32) == 32


def test_pace_finds_what_takes_about_as_long_as_a_click_alone() -> None:
    pace = Pace()
    assert pace.size_like_a_click(0.1, 32) == 4, "a cautious first guess"
    pace.record(8, 0.09)
    assert pace.size_like_a_click(0.1, 32) == 8, "of one tile alone nothing is known"
    pace.record(1, 0.02)  # so 0.05 s are for the batch
    assert pace.size_like_a_click(0.1, 32) == 2
    pace.record(2, 0.024)
    assert pace.size_like_a_click(0.1, 32) == 4
    assert pace.size_like_a_click(0.03, 32) == 2, "whatever one tile takes"
