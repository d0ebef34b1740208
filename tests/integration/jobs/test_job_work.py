"""Jobs: what they do, how far they tell they have come, and what ends them."""

import dataclasses
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import event
from support.job_place import TILES, JobPlace, area, request, wait_until
from support.pixel_classifier import PIXEL_IDENTITY, GatedClassifier, PixelClassifier

from earthgql.catalog.jobs.records import MOST_UNFINISHED
from earthgql.catalog.jobs.requests import AreaRequest
from earthgql.catalog.jobs.work import plan_job
from earthgql.errors import BadInputError, NotFoundError, OverloadedError
from earthgql.imagery.grid import Bounds

NOTHING_THERE = Bounds(100.0, 10.0, 101.0, 11.0)


def counts(job) -> tuple[int | None, int, int, int]:
    return job.total, job.known, job.done, job.failed


def test_a_job_classifies_its_area_and_a_wider_one_the_rest(place: JobPlace) -> None:
    classifier = PixelClassifier()
    with place.worker(classifier):
        narrow = place.start(3, 2)
        assert (narrow.status, narrow.total) == ("queued", None)
        done = place.wait(narrow)
        assert done.status == "done"
        assert counts(done) == (6, 0, 6, 0)
        assert place.scalar("SELECT array_agg(tile_id ORDER BY tile_id) FROM tile_score") == sorted(
            place.ids[column, row] for column in range(3) for row in range(2)
        )
        wide = place.wait(place.start())
        again = place.wait(place.start())
    assert counts(wide) == (TILES, 6, TILES - 6, 0)
    assert counts(again) == (TILES, TILES, 0, 0)
    assert len({narrow.id, wide.id, again.id}) == 3
    assert classifier.tiles == TILES
    assert place.count("tile_score") == TILES
    # Nothing is left of it but the jobs.
    assert (place.count("job_chunk"), place.count("procrastinate_jobs")) == (0, 0)


def test_a_polygon_takes_the_tiles_that_share_area_with_it(place: JobPlace) -> None:
    west, south, east, north = area(4, 4)
    inner = area(3, 3, west=1)
    notch = [inner.west - 2e-6, inner.south - 2e-6]
    ring = [[west, north], [west, south], [east, south], [east, notch[1]], notch]
    ring += [[notch[0], north], [west, north]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    model = place.model(PixelClassifier())
    with place.worker(PixelClassifier()):
        job = place.wait(place.service.start(model, AreaRequest.of(None, polygon)))
    assert counts(job) == (7, 0, 7, 0)
    assert place.scalar("SELECT array_agg(tile_id ORDER BY tile_id) FROM tile_score") == sorted(
        place.ids[column, row] for column in range(4) for row in range(4) if column == 0 or row == 3
    )


def test_what_is_under_way_is_not_started_again(place: JobPlace) -> None:
    job = place.start()
    assert place.start().id == job.id
    assert place.start(3, 2).id != job.id
    model = place.model(PixelClassifier())
    zoomed = AreaRequest.of((area(),), None, zoom=14)
    assert place.service.start(model, zoomed).id != job.id
    assert place.count("job") == place.count("procrastinate_jobs") == 3
    place.service.cancel(job.id)
    assert place.start().id not in (job.id, None)


def test_many_who_ask_at_once_get_one_job(place: JobPlace) -> None:
    model, ids = place.model(PixelClassifier()), []
    all_here = threading.Barrier(6)

    def ask() -> None:
        all_here.wait(30)
        ids.append(place.service.start(model, request()).id)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ids) == 6
    assert len(set(ids)) == 1
    assert place.count("procrastinate_jobs") == 1


def test_an_area_without_tiles_is_a_finished_job(place: JobPlace) -> None:
    model = place.model(PixelClassifier())
    nowhere = AreaRequest.of((NOTHING_THERE,), None)
    job = place.service.start(model, nowhere)
    assert (job.status, *counts(job)) == ("done", 0, 0, 0, 0)
    assert job.finished_at is not None
    assert job.rate is None
    assert job.eta is None
    assert place.count("procrastinate_jobs") == 0
    assert place.service.start(model, nowhere).id == job.id


def test_an_unknown_scene_is_an_error(place: JobPlace) -> None:
    model = place.model(PixelClassifier())
    with pytest.raises(BadInputError, match="no scene is named 'moon'"):
        place.service.start(model, AreaRequest.of((area(),), None, scene="moon"))
    assert place.count("job") == 0


def test_too_many_jobs_under_way_are_refused(place: JobPlace) -> None:
    place.start()
    place.execute(
        "INSERT INTO job (model_id, request, digest, queue) SELECT model_id, request, n, queue "
        f"FROM job, generate_series(2, {MOST_UNFINISHED}) n"
    )
    with pytest.raises(OverloadedError, match=f"{MOST_UNFINISHED} jobs are under way"):
        place.start(3, 2)
    assert place.start().id == 1
    assert place.count("job") == MOST_UNFINISHED


def test_progress_is_counted_chunk_by_chunk(place: JobPlace) -> None:
    classifier = GatedClassifier(batch_size=4)
    with place.worker(classifier):
        job = place.start()
        classifier.wait_begun()
        begun = place.find(job)
        assert (begun.status, *counts(begun)) == ("running", TILES, 0, 0, 0)
        assert begun.rate is None
        assert begun.eta is None
        classifier.let(1)
        classifier.wait_begun()
        while place.find(job).done == 0:
            classifier.let(1)
            classifier.wait_begun()
        further = place.find(job)
        assert (further.done, further.left) == (4, TILES - 4)
        assert further.rate is not None
        assert 0 < further.rate < 4 / 0.001
        assert further.eta is not None
        assert further.eta > datetime.now(UTC)
        classifier.let()
        done = place.wait(job)
    assert done.eta is None
    assert done.started_at is not None
    assert done.finished_at is not None
    seconds = (done.finished_at - done.started_at).total_seconds()
    assert done.rate == pytest.approx(TILES / seconds)


def test_two_workers_share_a_job_and_no_tile_is_done_twice(place: JobPlace) -> None:
    one, other = GatedClassifier(), GatedClassifier()
    with place.worker(one), place.worker(other):
        job = place.start()
        one.wait_begun()
        other.wait_begun()
        one.let()
        other.let()
        done = place.wait(job)
    assert counts(done) == (TILES, 0, TILES, 0)
    assert one.tiles + other.tiles == TILES
    assert min(one.tiles, other.tiles) >= 4
    assert place.count("tile_score") == TILES


def test_a_small_job_does_not_wait_for_a_large_one(place: JobPlace) -> None:
    classifier = GatedClassifier()
    with place.worker(classifier, chunk_tiles=2):
        large = place.start(5, 5)
        classifier.wait_begun()
        small = place.start(1, 1, west=5)
        classifier.let()
        done = place.wait(small), place.wait(large)
    assert done[0].finished_at < done[1].finished_at
    assert counts(done[0]) == (1, 0, 1, 0)
    assert counts(done[1]) == (25, 0, 25, 0)


def test_a_click_does_not_wait_for_a_job(place: JobPlace) -> None:
    classifier = GatedClassifier(batch_size=1)
    clicked = place.ids[5, 4]
    with place.worker(classifier, chunk_tiles=8) as working:
        job = place.start(4, 2)
        classifier.wait_begun()
        answers: list = []
        click = threading.Thread(
            target=lambda: answers.append(working.scoring.classify_tiles([clicked]))
        )
        click.start()
        pending = working.scoring._start()
        wait_until(lambda: len(pending) == 9 and len(pending.batcher) == 8)
        # The tile that runs, one of the job that may be next, and that of the click.
        classifier.let(3)
        click.join(60)
        assert answers[0][clicked].tile_id == clicked
        assert place.find(job).done == 0
        assert len(pending) >= 5
        classifier.let()
        assert place.wait(job).done == 8


def test_unreadable_pictures_are_counted_and_the_rest_is_done(place: JobPlace) -> None:
    place.picture(1, 1).write_bytes(b"torn")
    place.picture(4, 2).unlink()
    with place.worker(PixelClassifier()):
        job = place.wait(place.start())
    assert (job.status, *counts(job)) == ("done", TILES, 0, TILES - 2, 2)
    [failure] = job.failures
    assert (failure.code, failure.tiles) == ("IMAGE_UNREADABLE", 2)
    assert ".png" in failure.message
    assert place.count("tile_score") == TILES - 2


def test_tiles_deleted_meanwhile_are_no_part_of_it(place: JobPlace) -> None:
    classifier = GatedClassifier()
    with place.worker(classifier):
        job = place.start()
        classifier.wait_begun()
        place.execute(f"DELETE FROM tile WHERE id = {place.ids[5, 4]}")
        classifier.let()
        done = place.wait(job)
    assert (done.status, *counts(done)) == ("done", TILES - 1, 0, TILES - 1, 0)


def test_a_cancelled_job_keeps_what_it_has_and_begins_nothing(place: JobPlace) -> None:
    classifier = GatedClassifier()
    with place.worker(classifier):
        job = place.start()
        classifier.wait_begun()
        cancelled = place.service.cancel(job.id)
        assert (cancelled.status, *counts(cancelled)) == ("cancelled", TILES, 0, 0, 0)
        assert cancelled.finished_at is not None
        assert place.service.cancel(job.id) == cancelled
        assert place.count("job_chunk") == 0
        classifier.let()
        other = place.wait(place.start(1, 1))
    assert counts(place.find(job)) == (TILES, 0, 0, 0)
    # The chunk that was being done when it was cancelled is stored all the same.
    assert place.count("tile_score") == 4
    assert other.status == "done"
    assert place.count("procrastinate_jobs") == 0


def test_a_job_that_waits_is_cancelled_before_it_is_planned(place: JobPlace) -> None:
    job = place.start()
    cancelled = place.service.cancel(job.id)
    assert (cancelled.status, cancelled.total) == ("cancelled", None)
    assert place.count("procrastinate_jobs") == 0


def test_a_job_that_is_not_there_cannot_be_cancelled(place: JobPlace) -> None:
    with pytest.raises(NotFoundError, match="no job 7"):
        place.service.cancel(7)
    assert place.service.find(7) is None


def test_planning_takes_four_statements_whatever_the_area(place: JobPlace) -> None:
    job = place.start()
    seen: list[str] = []

    def note(_c, _k, statement, *_rest) -> None:
        seen.append(statement)

    event.listen(place.engine, "before_cursor_execute", note)
    try:
        with place.engine.begin() as conn:
            plan_job(conn, job.id, 4)
    finally:
        event.remove(place.engine, "before_cursor_execute", note)
    assert len(seen) == 4, seen  # the time-out, the lock, the chunks, the counts
    assert place.count("job_chunk") == 8
    sizes = "SELECT array_agg(cardinality(tile_ids) ORDER BY number) FROM job_chunk"
    assert place.scalar(sizes) == [4] * 7 + [2]
    order = "SELECT array_agg(priority ORDER BY id) FROM procrastinate_jobs WHERE priority < 1"
    assert place.scalar(order) == [-number for number in range(8)]


def test_a_worker_leaves_jobs_of_another_model_alone(place: JobPlace) -> None:
    newer = dataclasses.replace(PIXEL_IDENTITY, version="2", sha256="f" * 64)
    old = place.start()
    job = place.service.start(place.model(PixelClassifier(identity=newer)), request())
    assert job.id != old.id
    with place.worker(PixelClassifier(identity=newer)):
        done = place.wait(job)
    assert counts(done) == (TILES, 0, TILES, 0)
    # That of the other model waits for a worker that has it.
    assert place.find(old).status == "queued"
    assert done.failures == ()
