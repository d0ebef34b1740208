"""Requests that come together: each tile is read and inferred once, whoever else wants it."""

import gc
import math
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from textwrap import dedent

import numpy as np
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from support.pixel_classifier import PIXEL_IDENTITY, GatedClassifier, PixelClassifier, pixel_scores

from earthgql.catalog.models import register_model
from earthgql.catalog.scores import ScoreRecord, as_real, find_scores, insert_scores
from earthgql.errors import DeadlineError, ModelUnavailableError, OverloadedError
from earthgql.scoring import pending
from earthgql.scoring.service import ScoringService
from earthgql.settings import PROJECT_ROOT

TIMEOUT_S = 60


class Call(threading.Thread):
    """A call of ``classify_tiles`` in a thread of its own."""

    def __init__(self, service: ScoringService, ids: list[int], **options) -> None:
        super().__init__(daemon=True)
        self.answers: dict = {}
        self._work = lambda: service.classify_tiles(ids, **options)
        self.start()

    def run(self) -> None:
        self.answers = self._work()

    def result(self) -> dict:
        self.join(TIMEOUT_S)
        assert not self.is_alive()
        return self.answers


def expected(place, number: int) -> tuple[float, ...]:
    return as_real(pixel_scores(place.pixels(number)[np.newaxis])[0])


def wait_until(happened) -> None:
    """Wait for what another thread does without telling."""
    until = time.monotonic() + TIMEOUT_S
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.002)


@pytest.fixture
def gated(place):
    """Makes a service whose model runs when told to, with its model registered."""
    made: list[tuple[ScoringService, GatedClassifier]] = []

    def make(batch_size: int = 32, **options):
        classifier = GatedClassifier(batch_size=batch_size)
        service = ScoringService(place.engine, lambda: classifier, **options)
        _ = service.model
        made.append((service, classifier))
        return service, classifier

    yield make
    for service, classifier in made:
        classifier.let()
        service.close()


def test_two_cold_requests_for_the_same_tiles_infer_and_store_each_once(
    place, gated, statements
) -> None:
    service, classifier = gated()
    with statements(place.engine) as seen:
        first = Call(service, place.ids)
        classifier.wait_begun()
        second = Call(service, [*reversed(place.ids)])
        wait_until(lambda: seen.count(seen[0]) == 2)
        classifier.let()
        answers = [first.result(), second.result()]
    assert answers[0] == answers[1]
    assert {i: r.scores for i, r in answers[0].items()} == {
        i: expected(place, n) for n, i in enumerate(place.ids)
    }
    assert classifier.tiles == 6
    assert sum(s.lstrip().startswith("INSERT") for s in seen) <= 2
    assert place.count("tile_score") == 6
    assert service.in_flight == 0
    assert (service.statistics.tiles, service.statistics.batches) == (
        6,
        len(classifier.submissions),
    )


def test_scores_stored_between_look_up_and_adding_are_found(place) -> None:
    classifier = PixelClassifier()
    service = ScoringService(place.engine, lambda: classifier)
    _ = service.model
    others: list[dict] = []

    def ask_meanwhile(_c, _k, statement, *_rest) -> None:
        if "FROM tile_score" in statement and "INSERT" not in statement and not others:
            others.append({})
            # Another request does it all between this one's look-up and its next step.
            others.append(Call(service, place.ids).result())

    event.listen(place.engine, "after_cursor_execute", ask_meanwhile)
    try:
        answers = service.classify_tiles(place.ids)
    finally:
        event.remove(place.engine, "after_cursor_execute", ask_meanwhile)
    assert answers == others[1]
    assert classifier.tiles == 6


def test_a_click_overtakes_a_viewport_that_is_on_its_way(place, gated) -> None:
    service, classifier = gated(batch_size=1)
    viewport = Call(service, place.ids)
    classifier.wait_begun()
    last = place.ids[-1]
    wait_until(lambda: service.in_flight == 6)
    click = Call(service, [last])
    wait_until(lambda: len(service._pending.batcher) == 5)
    wait_until(lambda: len(service._pending._tiles[(last, fingerprint(place, last))].requests) > 1)
    classifier.let(3)
    assert click.result()[last].scores == expected(place, 5)
    assert viewport.is_alive()
    classifier.let()
    assert viewport.result()[last] == click.answers[last]
    assert classifier.tiles == 6
    assert place.count("tile_score") == 6


def fingerprint(place, tile_id: int) -> str | None:
    with place.engine.connect() as conn:
        query = """SELECT COALESCE(t.fingerprint, s.fingerprint)
                     FROM tile t JOIN scene s ON s.id = t.scene_id WHERE t.id = :i"""
        return conn.scalar(text(query), {"i": tile_id})


def test_a_withdrawn_request_keeps_the_tiles_of_others_and_drops_its_own(place, gated) -> None:
    service, classifier = gated(batch_size=1)
    hasty = Call(service, place.ids[:4], deadline=time.monotonic() + 1.0)
    classifier.wait_begun()
    # Several threads read, so any of the four may have come first.
    ran = classifier.asked[0][0]
    wanted = [n for n in range(4) if not np.array_equal(place.pixels(n), ran)][:2]
    patient = Call(service, [place.ids[n] for n in wanted])
    answers = hasty.result()
    assert {type(answer) for answer in answers.values()} == {DeadlineError}
    wait_until(lambda: service.in_flight == 3)
    classifier.let()
    for n in wanted:
        assert patient.result()[place.ids[n]].scores == expected(place, n)
    assert classifier.tiles == 3, "what ran already, and what is still wanted"
    assert place.count("tile_score") == 2


def test_an_overloaded_service_refuses_at_once_and_answers_what_is_stored(place, gated) -> None:
    service, classifier = gated(queue_size=4)
    classifier.let(1)
    assert isinstance(service.classify_tiles(place.ids[:1])[place.ids[0]], ScoreRecord)
    running = [Call(service, [tile_id]) for tile_id in place.ids[1:5]]
    wait_until(lambda: service.in_flight == 4)
    answers = service.classify_tiles(place.ids)
    assert isinstance(answers.pop(place.ids[0]), ScoreRecord)
    assert {type(answer) for answer in answers.values()} == {OverloadedError}
    assert "4 tiles are on their way" in str(answers[place.ids[5]])
    joined = Call(service, place.ids[1:5])
    classifier.let()
    results = {tile: found for call in running for tile, found in call.result().items()}
    assert joined.result() == results, "what is on its way already takes no room"
    assert isinstance(service.classify_tiles(place.ids)[place.ids[5]], ScoreRecord)


def test_a_viewport_larger_than_the_queue_does_not_keep_clicks_out(place, gated) -> None:
    service, classifier = gated(batch_size=1, queue_size=3)
    viewport = Call(service, place.ids[:5])
    classifier.wait_begun()
    wait_until(lambda: service.in_flight == 5)
    click = Call(service, place.ids[5:])
    wait_until(lambda: service.in_flight == 6)
    classifier.let(3)
    assert click.result()[place.ids[5]].scores == expected(place, 5)
    assert viewport.is_alive()
    classifier.let()
    assert all(isinstance(answer, ScoreRecord) for answer in viewport.result().values())


def test_a_request_that_is_alone_is_never_too_large(place) -> None:
    service = ScoringService(place.engine, PixelClassifier, queue_size=2)
    assert len(service.classify_tiles(place.ids)) == 6
    assert place.count("tile_score") == 6


def test_a_bad_image_fails_alone_and_is_read_again_by_the_next_request(place) -> None:
    whole = place.files[2].read_bytes()
    place.files[2].write_bytes(b"torn")
    classifier = PixelClassifier()
    service = ScoringService(place.engine, lambda: classifier)
    first = service.classify_tiles(place.ids)
    assert [type(first[i]).__name__ for i in place.ids].count("ScoreRecord") == 5
    place.files[2].write_bytes(whole)
    assert service.classify_tiles(place.ids)[place.ids[2]].scores == expected(place, 2)
    assert classifier.tiles == 6


def test_tiles_that_never_get_to_the_model_fail_instead_of_being_waited_for(
    place, monkeypatch
) -> None:
    classifier = PixelClassifier()
    service = ScoringService(place.engine, lambda: classifier)
    _ = service.model
    begin = threading.Thread.start

    def no_more_threads(thread: threading.Thread) -> None:
        if thread.name == "batcher":
            raise RuntimeError("can't start new thread")
        begin(thread)

    with monkeypatch.context() as machine:
        machine.setattr(threading.Thread, "start", no_more_threads)
        answers = Call(service, place.ids, deadline=math.inf).result()
    assert {type(answer) for answer in answers.values()} == {ModelUnavailableError}
    assert service.in_flight == 0
    again = Call(service, place.ids, deadline=math.inf).result()
    assert {type(answer) for answer in again.values()} == {ScoreRecord}
    service.close()


def test_scores_deleted_under_a_running_server_are_inferred_again(place) -> None:
    classifier = PixelClassifier()
    service = ScoringService(place.engine, lambda: classifier)
    service.classify_tiles(place.ids)
    with place.engine.begin() as conn:
        conn.execute(text("DELETE FROM tile_score"))
    service.classify_tiles(place.ids)
    assert classifier.tiles == 12
    assert place.count("tile_score") == 6


def test_what_could_not_be_stored_is_answered_and_stored_by_the_next_who_asks(
    place, caplog
) -> None:
    classifier = PixelClassifier()
    service = ScoringService(place.engine, lambda: classifier)
    _ = service.model
    with place.engine.begin() as conn:
        conn.execute(text("ALTER TABLE tile_score ADD CHECK (tile_id < 0)"))
    answers = service.classify_tiles(place.ids)
    assert {i: answers[i].scores for i in place.ids} == {
        tile_id: expected(place, number) for number, tile_id in enumerate(place.ids)
    }
    assert "scores were not stored" in caplog.text
    assert "tile_score_tile_id_check" in caplog.text
    assert place.count("tile_score") == 0
    with pytest.raises(IntegrityError, match="tile_score_tile_id_check"):
        service.classify_tiles(place.ids, must_store=True)
    with place.engine.begin() as conn:
        conn.execute(text("ALTER TABLE tile_score DROP CONSTRAINT tile_score_tile_id_check"))
    service.classify_tiles(place.ids)
    assert classifier.tiles == 6
    assert place.count("tile_score") == 6


def test_what_is_done_is_forgotten_after_a_while(place, monkeypatch) -> None:
    monkeypatch.setattr(pending, "REMEMBER_S", 0.0)
    service = ScoringService(place.engine, PixelClassifier)
    service.classify_tiles(place.ids[:5])
    service.classify_tiles(place.ids[5:])
    assert len(service._pending._tiles) == 1


def test_closing_lets_waiting_calls_return_with_what_is_done(place, gated) -> None:
    service, classifier = gated(batch_size=1)
    call = Call(service, place.ids)
    classifier.wait_begun(1)
    classifier.let(1)
    classifier.wait_begun(1)
    closing = threading.Thread(target=service.close)
    closing.start()
    wait_until(lambda: len(service._pending.batcher) == 0)
    classifier.let()
    answers = call.result()
    closing.join(TIMEOUT_S)
    kinds = Counter(type(answer) for answer in answers.values())
    assert kinds == {ScoreRecord: 2, ModelUnavailableError: 4}
    assert place.count("tile_score") == 2
    with pytest.raises(ModelUnavailableError, match="being stopped"):
        service.classify_tiles(place.ids)
    service.close()


def test_a_picture_that_waits_when_the_service_closes_is_an_error(place, gated) -> None:
    service, classifier = gated(batch_size=1)
    running = Call(service, place.ids[:1])
    classifier.wait_begun()
    closing = threading.Thread(target=service.close)
    told: list[BaseException] = []

    def classify() -> None:
        try:
            service.classify_pixels(place.pixels(1))
        except BaseException as error:
            told.append(error)

    picture = threading.Thread(target=classify)
    picture.start()
    wait_until(lambda: len(service._pending.batcher) == 1)
    closing.start()
    picture.join(TIMEOUT_S)
    classifier.let()
    closing.join(TIMEOUT_S)
    running.result()
    assert [type(error) for error in told] == [ModelUnavailableError]
    assert "being stopped" in str(told[0])


def test_a_service_that_is_gone_leaves_no_threads(place) -> None:
    before = set(threading.enumerate())
    service = ScoringService(place.engine, PixelClassifier)
    service.classify_tiles(place.ids)
    names = {"batcher", "tile-reader"}
    made = [t for t in threading.enumerate() if t not in before and t.name in names]
    assert {thread.name for thread in made} == names
    del service
    gc.collect()
    wait_until(lambda: not any(thread.is_alive() for thread in made))


def test_inserts_of_the_same_tiles_in_any_order_do_not_deadlock(place) -> None:
    with place.engine.begin() as conn:
        model = register_model(conn, PIXEL_IDENTITY)
        sources = find_scores(conn, place.ids, model).sources
    now = pending.datetime.now(pending.UTC)
    records = [ScoreRecord(i, (0.5,) * 17, now) for i in place.ids]
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def insert(seed: int) -> None:
        chance = np.random.default_rng(seed)
        start.wait(TIMEOUT_S)
        try:
            for _ in range(25):
                with place.engine.begin() as conn:
                    mine = [records[n] for n in chance.permutation(len(records))]
                    insert_scores(conn, model, mine, sources)
                    if seed == 0:
                        conn.execute(
                            text("DELETE FROM tile_score WHERE tile_id = ANY(:i)"), {"i": place.ids}
                        )
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=insert, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert failures == []
    with place.engine.begin() as conn:
        insert_scores(conn, model, records, sources)
    assert place.count("tile_score") == 6


def test_inserts_wait_for_no_tile_that_is_being_deleted(place) -> None:
    with place.engine.begin() as conn:
        model = register_model(conn, PIXEL_IDENTITY)
        sources = find_scores(conn, place.ids, model).sources
    now = pending.datetime.now(pending.UTC)
    records = [ScoreRecord(i, (0.5,) * 17, now) for i in place.ids]
    with place.engine.connect() as deleting, place.engine.connect() as other:
        deleting.execute(text("DELETE FROM tile WHERE id = :i"), {"i": place.ids[3]})
        other.execute(text("SET LOCAL statement_timeout = '10s'"))
        insert_scores(other, model, records, sources)
        other.commit()
        deleting.rollback()
        kept = set(other.scalars(text("SELECT tile_id FROM tile_score")))
    assert kept == set(place.ids) - {place.ids[3]}


SCRIPT = """
    import os, sys, threading, time
    sys.path.insert(0, {tests!r})
    from support.pixel_classifier import GatedClassifier, PixelClassifier
    from earthgql.catalog.scores import ScoreRecord
    from earthgql.scoring.service import ScoringService
    from earthgql.database.engine import engine_on

    ids = {ids!r}
    engine = engine_on({url!r})
"""


def run(place, script: str, **options) -> subprocess.Popen:
    tests = str(PROJECT_ROOT / "tests")
    url = place.engine.url.render_as_string(hide_password=False)
    whole = dedent(SCRIPT).format(tests=tests, ids=place.ids, url=url) + dedent(script)
    return subprocess.Popen([sys.executable, "-c", whole], **options)


def test_a_process_forked_from_one_that_infers_begins_anew(place) -> None:
    process = run(
        place,
        """
        parent, held = os.getpid(), GatedClassifier()
        service = ScoringService(
            engine, lambda: held if os.getpid() == parent else PixelClassifier()
        )
        busy = threading.Thread(target=service.classify_tiles, args=(ids[:3],))
        busy.start()
        held.wait_begun()
        child = os.fork()
        if child == 0:
            answers = service.classify_tiles(ids[3:])
            os._exit(sum(isinstance(a, ScoreRecord) for a in answers.values()))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        held.let()
        busy.join()
        assert len(service.classify_tiles(ids)) == 6
        """,
    )
    assert process.wait(TIMEOUT_S) == 0
    assert place.count("tile_score") == 6


def test_a_killed_process_leaves_whole_rows_and_the_next_continues(place) -> None:
    process = run(
        place,
        """
        service = ScoringService(engine, lambda: PixelClassifier(seconds_per_tile=0.1))
        for number in range(4):
            service.classify_tiles([ids[number]])
        print("go", flush=True)
        service.classify_tiles(ids)
        """,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"go\n"
    process.send_signal(signal.SIGKILL)
    process.wait(TIMEOUT_S)
    process.stdout.close()
    with place.engine.connect() as conn:
        rows = conn.execute(text("SELECT tile_id, cardinality(scores) FROM tile_score")).all()
    assert {tile_id for tile_id, _ in rows} >= set(place.ids[:4])
    assert {labels for _, labels in rows} == {17}
    classifier = PixelClassifier()
    answers = ScoringService(place.engine, lambda: classifier).classify_tiles(place.ids)
    assert [answers[i].scores for i in place.ids] == [expected(place, n) for n in range(6)]
    assert classifier.tiles == 6 - len(rows)


def test_a_process_ends_by_itself_with_tiles_on_their_way(place) -> None:
    process = run(
        place,
        """
        slow = PixelClassifier(batch_size=1, seconds_per_tile=0.5)
        service = ScoringService(engine, lambda: slow)
        asking = threading.Thread(target=service.classify_tiles, args=(ids,), daemon=True)
        asking.start()
        while not service.in_flight:
            time.sleep(0.001)
        """,
        stderr=subprocess.PIPE,
    )
    _, complaints = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0
    assert complaints == b""
