import dataclasses
import re
import threading
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import select, text
from support.pixel_classifier import (
    PIXEL_IDENTITY,
    GatedClassifier,
    PixelClassifier,
    pixel_distances,
    pixel_scores,
)

from earthgql.catalog.scores import ScoreRecord, as_real
from earthgql.database.tables import tile_score
from earthgql.errors import (
    DeadlineError,
    ImageUnreadableError,
    ModelUnavailableError,
    NotFoundError,
)
from earthgql.scoring import service as scoring_service
from earthgql.scoring.service import ScoringService


def expected(place, number: int) -> tuple[float, ...]:
    return as_real(pixel_scores(place.pixels(number)[np.newaxis])[0])


def test_cold_takes_two_statements_warm_one_and_no_inference(place, statements) -> None:
    classifier = PixelClassifier()
    service = ScoringService(place.engine, lambda: classifier)
    _ = service.model
    with statements(place.engine) as cold:
        first = service.classify_tiles(place.ids)
    assert [s.split()[0] for s in cold] == ["SELECT", "INSERT"]
    assert classifier.tiles == 6
    for number, tile_id in enumerate(place.ids):
        record = first[tile_id]
        assert isinstance(record, ScoreRecord)
        assert record.tile_id == tile_id
        assert record.scores == expected(place, number)
        assert abs(record.computed_at - datetime.now(UTC)) < timedelta(minutes=1)
    with statements(place.engine) as warm:
        second = service.classify_tiles(list(reversed(place.ids)))
    assert [s.split()[0] for s in warm] == ["SELECT"]
    assert classifier.tiles == 6
    assert second == first, "an answer is the same before and after it was stored"


def test_distances_are_stored_beside_the_scores(place) -> None:
    service = ScoringService(place.engine, lambda: PixelClassifier(tells_distances=True))
    first = service.classify_tiles(place.ids)
    for number, tile_id in enumerate(place.ids):
        distance = as_real(pixel_distances(place.pixels(number)[np.newaxis]))[0]
        assert first[tile_id].domain_distance == distance
    assert service.classify_tiles(place.ids) == first
    with place.engine.connect() as conn:
        stored = select(tile_score.c.tile_id, tile_score.c.domain_distance)
        assert dict(conn.execute(stored).all()) == {
            tile_id: record.domain_distance for tile_id, record in first.items()
        }


def test_only_what_is_missing_is_inferred(place) -> None:
    classifier = PixelClassifier()
    service = ScoringService(place.engine, lambda: classifier)
    service.classify_tiles([place.ids[4], place.ids[1], place.ids[4]])
    assert classifier.tiles == 2
    service.classify_tiles(place.ids)
    assert classifier.tiles == 6
    assert place.count("tile_score") == 6


def test_nothing_asked_nothing_done(place, statements) -> None:
    service = ScoringService(place.engine, lambda: pytest.fail("no model is needed"))
    with statements(place.engine) as seen:
        assert service.classify_tiles([]) == {}
    assert seen == []


def test_no_connection_is_held_during_inference(place) -> None:
    out: list[int] = []

    class Watching(PixelClassifier):
        def scores(self, pixels):
            out.append(place.engine.pool.checkedout())
            return super().scores(pixels)

    ScoringService(place.engine, Watching).classify_tiles(place.ids)
    assert set(out) == {0}


def test_unreadable_pictures_do_not_take_their_neighbours_with_them(place) -> None:
    place.files[1].write_bytes(b"not a picture")
    place.files[3].unlink()
    service = ScoringService(place.engine, PixelClassifier)
    answers = service.classify_tiles([*place.ids, 10**9])
    assert isinstance(answers[place.ids[1]], ImageUnreadableError)
    assert isinstance(answers[place.ids[3]], ImageUnreadableError)
    assert isinstance(answers[10**9], NotFoundError)
    for number in (0, 2, 4, 5):
        assert answers[place.ids[number]].scores == expected(place, number)
    assert place.count("tile_score") == 4


def test_all_unreadable_runs_no_model(place) -> None:
    for path in place.files:
        path.unlink()
    classifier = PixelClassifier()
    answers = ScoringService(place.engine, lambda: classifier).classify_tiles(place.ids)
    assert {type(answer) for answer in answers.values()} == {ImageUnreadableError}
    assert classifier.submissions == []


def test_what_is_done_by_the_deadline_is_kept_and_asking_again_continues(place) -> None:
    classifier = GatedClassifier(batch_size=2)
    service = ScoringService(place.engine, lambda: classifier)
    _ = service.model
    classifier.let(1)
    first = service.classify_tiles(place.ids, deadline=time.monotonic() + 1.5)
    done = [i for i in place.ids if isinstance(first[i], ScoreRecord)]
    assert 1 <= len(done) <= 2
    late = [first[i] for i in place.ids if i not in done]
    assert all(isinstance(answer, DeadlineError) for answer in late)
    assert place.count("tile_score") == len(done)
    classifier.let()
    second = service.classify_tiles(place.ids)
    assert place.count("tile_score") == 6
    assert classifier.tiles == 6, "what ran when the time was over was not lost"
    assert [second[i].scores for i in place.ids] == [expected(place, n) for n in range(6)]
    assert all(second[i] == first[i] for i in done)


def test_a_deadline_gone_by_still_gives_what_is_stored(place) -> None:
    classifier = PixelClassifier()
    service = ScoringService(place.engine, lambda: classifier)
    service.classify_tiles(place.ids[:2])
    answers = service.classify_tiles(place.ids, deadline=time.monotonic() - 1)
    assert [type(answers[i]) for i in place.ids] == [ScoreRecord] * 2 + [DeadlineError] * 4


def test_threads_asking_for_the_same_tiles_get_the_same_answers(place) -> None:
    loaded: list[int] = []

    def load() -> PixelClassifier:
        loaded.append(1)
        time.sleep(0.1)
        return PixelClassifier(seconds_per_tile=0.005)

    service = ScoringService(place.engine, load)
    answers: list[dict] = []
    start = threading.Barrier(6)

    def ask(number: int) -> None:
        order = place.ids if number % 2 else list(reversed(place.ids))
        start.wait(10)
        answers.append(service.classify_tiles(order))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 6
    assert loaded == [1]
    for answer in answers:
        assert {i: r.scores for i, r in answer.items()} == {
            i: expected(place, n) for n, i in enumerate(place.ids)
        }
    assert (place.count("tile_score"), place.count("model")) == (6, 1)


def test_scores_that_are_no_numbers_fail_and_are_not_stored_alone(place) -> None:
    class Broken(PixelClassifier):
        def scores(self, pixels):
            scores = super().scores(pixels)
            scores[(pixels == place.pixels(2)).all(axis=(1, 2, 3)), 3] = np.nan
            return scores

    answers = ScoringService(place.engine, Broken).classify_tiles(place.ids)
    bad = answers.pop(place.ids[2])
    assert isinstance(bad, ModelUnavailableError)
    assert "not numbers between 0 and 1 for this tile; none were stored" in str(bad)
    assert all(isinstance(answer, ScoreRecord) for answer in answers.values())
    assert place.count("tile_score") == 5


def test_a_model_with_other_labels_than_it_says_is_refused(place) -> None:
    identity = dataclasses.replace(PIXEL_IDENTITY, labels=("a",), thresholds=(0.5,))
    service = ScoringService(place.engine, lambda: PixelClassifier(identity))
    for answer in service.classify_tiles(place.ids).values():
        assert isinstance(answer, ModelUnavailableError)
        assert re.search(r"shape \[(\d), 17\], expected \[\1, 1\]", str(answer))


def test_a_model_that_does_not_load_is_tried_again(place, monkeypatch) -> None:
    attempts: list[int] = []

    def load() -> PixelClassifier:
        attempts.append(1)
        if len(attempts) == 1:
            raise ModelUnavailableError("the bundle is damaged")
        return PixelClassifier()

    service = ScoringService(place.engine, load)
    for _ in range(2):
        with pytest.raises(ModelUnavailableError, match="damaged"):
            service.classify_tiles(place.ids)
    assert attempts == [1]  # loading takes seconds
    monkeypatch.setattr(scoring_service, "LOAD_AGAIN_S", 0.0)
    assert isinstance(service.classify_tiles(place.ids)[place.ids[0]], ScoreRecord)


def test_a_tile_replaced_during_inference_gets_no_stale_scores(place) -> None:
    class Slow(PixelClassifier):
        def scores(self, pixels):
            with place.engine.begin() as conn:
                conn.execute(text("DELETE FROM tile WHERE id = :i"), {"i": place.ids[0]})
                change = text("UPDATE tile SET fingerprint = 'new' WHERE id = :i")
                conn.execute(change, {"i": place.ids[1]})
            return super().scores(pixels)

    ScoringService(place.engine, Slow).classify_tiles(place.ids)
    with place.engine.connect() as conn:
        kept = set(conn.scalars(text("SELECT tile_id FROM tile_score")))
    assert kept == set(place.ids[2:])


def test_tables_emptied_under_a_running_server_are_filled_again(place) -> None:
    service = ScoringService(place.engine, PixelClassifier)
    service.classify_tiles(place.ids[:3])
    with place.engine.begin() as conn:
        conn.execute(text("DELETE FROM model"))
    service.classify_tiles(place.ids)
    assert (place.count("tile_score"), place.count("model")) == (6, 1)
    fresh = ScoringService(place.engine, lambda: PixelClassifier(seconds_per_tile=9))
    assert len(fresh.classify_tiles(place.ids, deadline=time.monotonic() + 1)) == 6


def test_scores_of_another_model_are_not_taken_for_this_ones(place) -> None:
    ScoringService(place.engine, PixelClassifier).classify_tiles(place.ids)
    other = PixelClassifier(dataclasses.replace(PIXEL_IDENTITY, version="2", sha256="f" * 64))
    ScoringService(place.engine, lambda: other).classify_tiles(place.ids)
    assert other.tiles == 6
    assert (place.count("tile_score"), place.count("model")) == (12, 2)
