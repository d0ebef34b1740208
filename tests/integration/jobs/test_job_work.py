"""Jobs: what they do, how far they tell they have come, and what ends them."""

import dataclasses
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import event
from support.job_scene import TILES, JobScene, area, request, wait_until
from support.pixel_classifier import PIXEL_IDENTITY, GatedClassifier, PixelClassifier

from earthgql.catalog.jobs.records import MOST_UNFINISHED
from earthgql.catalog.jobs.requests import AreaRequest
from earthgql.catalog.jobs.work import plan_job
from earthgql.errors import BadInputError, NotFoundError, OverloadedError
from earthgql.imagery.grid import Bounds

NOTHING_THERE = Bounds(100.0, 10.0, 101.0, 11.0)


def counts(job) -> tuple[int | None, int, int, int]:
    return job.total, job.known, job.done, job.failed


def test_a_job_classifies_its_area_and_a_wider_one_the_rest(job_scene: JobScene) -> None:
    classifier = PixelClassifier()
    with job_scene.worker(classifier):
        narrow = job_scene.start(3, 2)
        assert (narrow.status, narrow.total) == ("queued", None)
        done = job_scene.wait(narrow)
        assert done.status == "done"
        assert counts(done) == (6, 0, 6, 0)
        assert job_scene.scalar(
            "SELECT array_agg(tile_id ORDER BY tile_id) FROM tile_score"
        ) == sorted(job_scene.ids[column, row] for column in range(3) for row in range(2))
        wide = job_scene.wait(job_scene.start())
        again = job_scene.wait(job_scene.start())
    assert counts(wide) == (TILES, 6, TILES - 6, 0)
    assert counts(again) == (TILES, TILES, 0, 0)
    assert len({narrow.id, wide.id, again.id}) == 3
    assert classifier.tiles == TILES
    assert job_scene.count("tile_score") == TILES
    # Nothing is left of it but the jobs.
    assert (job_scene.count("job_chunk"), job_scene.count("procrastinate_jobs")) == (0, 0)


def test_a_polygon_takes_the_tiles_that_share_area_with_it(job_scene: JobScene) -> None:
    west, south, east, north = area(4, 4)
    inner = area(3, 3, west=1)
    notch = [inner.west - 2e-6, inner.south - 2e-6]
    ring = [[west, north], [west, south], [east, south], [east, notch[1]], notch]
    ring += [[notch[0], north], [west, north]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    model = job_scene.model(PixelClassifier())
    with job_scene.worker(PixelClassifier()):
        job = job_scene.wait(job_scene.service.start(model, AreaRequest.of(None, polygon)))
    assert counts(job) == (7, 0, 7, 0)
    assert job_scene.scalar("SELECT array_agg(tile_id ORDER BY tile_id) FROM tile_score") == sorted(
        job_scene.ids[column, row]
        for column in range(4)
        for row in range(4)
        if column == 0 or row == 3
    )


def test_what_is_under_way_is_not_started_again(job_scene: JobScene) -> None:
    job = job_scene.start()
    assert job_scene.start().id == job.id
    assert job_scene.start(3, 2).id != job.id
    model = job_scene.model(PixelClassifier())
    zoomed = AreaRequest.of((area(),), None, zoom=14)
    assert job_scene.service.start(model, zoomed).id != job.id
    assert job_scene.count("job") == job_scene.count("procrastinate_jobs") == 3
    job_scene.service.cancel(job.id)
    assert job_scene.start().id not in (job.id, None)


def test_many_who_ask_at_once_get_one_job(job_scene: JobScene) -> None:
    model, ids = job_scene.model(PixelClassifier()), []
    all_here = threading.Barrier(6)

    def ask() -> None:
        all_here.wait(30)
        ids.append(job_scene.service.start(model, request()).id)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ids) == 6
    assert len(set(ids)) == 1
    assert job_scene.count("procrastinate_jobs") == 1


def test_an_area_without_tiles_is_a_finished_job(job_scene: JobScene) -> None:
    model = job_scene.model(PixelClassifier())
    nowhere = AreaRequest.of((NOTHING_THERE,), None)
    job = job_scene.service.start(model, nowhere)
    assert (job.status, *counts(job)) == ("done", 0, 0, 0, 0)
    assert job.finished_at is not None
    assert job.rate is None
    assert job.eta is None
    assert job_scene.count("procrastinate_jobs") == 0
    assert job_scene.service.start(model, nowhere).id == job.id


def test_an_unknown_scene_is_an_error(job_scene: JobScene) -> None:
    model = job_scene.model(PixelClassifier())
    with pytest.raises(BadInputError, match="no scene is named 'moon'"):
        job_scene.service.start(model, AreaRequest.of((area(),), None, scene="moon"))
    assert job_scene.count("job") == 0


def test_too_many_jobs_under_way_are_refused(job_scene: JobScene) -> None:
    job_scene.start()
    job_scene.execute(
        "INSERT INTO job (model_id, request, digest, queue) SELECT model_id, request, n, queue "
        f"FROM job, generate_series(2, {MOST_UNFINISHED}) n"
    )
    with pytest.raises(OverloadedError, match=f"{MOST_UNFINISHED} jobs are under way"):
        job_scene.start(3, 2)
    assert job_scene.start().id == 1
    assert job_scene.count("job") == MOST_UNFINISHED


def test_progress_is_counted_chunk_by_chunk(job_scene: JobScene) -> None:
    classifier = GatedClassifier(batch_size=4)
    with job_scene.worker(classifier):
        job = job_scene.start()
        classifier.wait_begun()
        begun = job_scene.find(job)
        assert (begun.status, *counts(begun)) == ("running", TILES, 0, 0, 0)
        assert begun.rate is None
        assert begun.eta is None
        classifier.let(1)
        classifier.wait_begun()
        while job_scene.find(job).done == 0:
            classifier.let(1)
            classifier.wait_begun()
        further = job_scene.find(job)
        assert (further.done, further.left) == (4, TILES - 4)
        assert further.rate is not None
        assert 0 < further.rate < 4 / 0.001
        assert further.eta is not None
        assert further.eta > datetime.now(UTC)
        classifier.let()
        done = job_scene.wait(job)
    assert done.eta is None
    assert done.started_at is not None
    assert done.finished_at is not None
    seconds = (done.finished_at - done.started_at).total_seconds()
    assert done.rate == pytest.approx(TILES / seconds)


def test_two_workers_share_a_job_and_no_tile_is_done_twice(job_scene: JobScene) -> None:
    one, other = GatedClassifier(), GatedClassifier()
    with job_scene.worker(one), job_scene.worker(other):
        job = job_scene.start()
        one.wait_begun()
        other.wait_begun()
        one.let()
        other.let()
        done = job_scene.wait(job)
    assert counts(done) == (TILES, 0, TILES, 0)
    assert one.tiles + other.tiles == TILES
    assert min(one.tiles, other.tiles) >= 4
    assert job_scene.count("tile_score") == TILES


def test_a_small_job_does_not_wait_for_a_large_one(job_scene: JobScene) -> None:
    classifier = GatedClassifier()
    with job_scene.worker(classifier, chunk_tiles=2):
        large = job_scene.start(5, 5)
        classifier.wait_begun()
        small = job_scene.start(1, 1, west=5)
        classifier.let()
        done = job_scene.wait(small), job_scene.wait(large)
    assert done[0].finished_at < done[1].finished_at
    assert counts(done[0]) == (1, 0, 1, 0)
    assert counts(done[1]) == (25, 0, 25, 0)


def test_a_click_does_not_wait_for_a_job(job_scene: JobScene) -> None:
    classifier = GatedClassifier(batch_size=1)
    clicked = job_scene.ids[5, 4]
    with job_scene.worker(classifier, chunk_tiles=8) as working:
        job = job_scene.start(4, 2)
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
        assert job_scene.find(job).done == 0
        assert len(pending) >= 5
        classifier.let()
        assert job_scene.wait(job).done == 8


def test_unreadable_pictures_are_counted_and_the_rest_is_done(job_scene: JobScene) -> None:
    job_scene.picture(1, 1).write_bytes(b"torn")
    job_scene.picture(4, 2).unlink()
    with job_scene.worker(PixelClassifier()):
        job = job_scene.wait(job_scene.start())
    assert (job.status, *counts(job)) == ("done", TILES, 0, TILES - 2, 2)
    [failure] = job.failures
    assert (failure.code, failure.tiles) == ("IMAGE_UNREADABLE", 2)
    assert ".png" in failure.message
    assert job_scene.count("tile_score") == TILES - 2


def test_tiles_deleted_meanwhile_are_no_part_of_it(job_scene: JobScene) -> None:
    classifier = GatedClassifier()
    with job_scene.worker(classifier):
        job = job_scene.start()
        classifier.wait_begun()
        job_scene.execute(f"DELETE FROM tile WHERE id = {job_scene.ids[5, 4]}")
        classifier.let()
        done = job_scene.wait(job)
    assert (done.status, *counts(done)) == ("done", TILES - 1, 0, TILES - 1, 0)


def test_a_cancelled_job_keeps_what_it_has_and_begins_nothing(job_scene: JobScene) -> None:
    classifier = GatedClassifier()
    with job_scene.worker(classifier):
        job = job_scene.start()
        classifier.wait_begun()
        cancelled = job_scene.service.cancel(job.id)
        assert (cancelled.status, *counts(cancelled)) == ("cancelled", TILES, 0, 0, 0)
        assert cancelled.finished_at is not None
        assert job_scene.service.cancel(job.id) == cancelled
        assert job_scene.count("job_chunk") == 0
        classifier.let()
        other = job_scene.wait(job_scene.start(1, 1))
    assert counts(job_scene.find(job)) == (TILES, 0, 0, 0)
    # The chunk that was being done when it was cancelled is stored all the same.
    assert job_scene.count("tile_score") == 4
    assert other.status == "done"
    assert job_scene.count("procrastinate_jobs") == 0


def test_a_job_that_waits_is_cancelled_before_it_is_planned(job_scene: JobScene) -> None:
    job = job_scene.start()
    cancelled = job_scene.service.cancel(job.id)
    assert (cancelled.status, cancelled.total) == ("cancelled", None)
    assert job_scene.count("procrastinate_jobs") == 0


def test_a_job_that_is_not_there_cannot_be_cancelled(job_scene: JobScene) -> None:
    with pytest.raises(NotFoundError, match="no job 7"):
        job_scene.service.cancel(7)
    assert job_scene.service.find(7) is None


def test_planning_takes_four_statements_whatever_the_area(job_scene: JobScene) -> None:
    job = job_scene.start()
    seen: list[str] = []

    def note(_c, _k, statement, *_rest) -> None:
        seen.append(statement)

    event.listen(job_scene.engine, "before_cursor_execute", note)
    try:
        with job_scene.engine.begin() as conn:
            plan_job(conn, job.id, 4)
    finally:
        event.remove(job_scene.engine, "before_cursor_execute", note)
    assert len(seen) == 4, seen  # the time-out, the lock, the chunks, the counts
    assert job_scene.count("job_chunk") == 8
    sizes = "SELECT array_agg(cardinality(tile_ids) ORDER BY number) FROM job_chunk"
    assert job_scene.scalar(sizes) == [4] * 7 + [2]
    order = "SELECT array_agg(priority ORDER BY id) FROM procrastinate_jobs WHERE priority < 1"
    assert job_scene.scalar(order) == [-number for number in range(8)]


def test_a_worker_leaves_jobs_of_another_model_alone(job_scene: JobScene) -> None:
    newer = dataclasses.replace(PIXEL_IDENTITY, version="2", sha256="f" * 64)
    old = job_scene.start()
    job = job_scene.service.start(job_scene.model(PixelClassifier(identity=newer)), request())
    assert job.id != old.id
    with job_scene.worker(PixelClassifier(identity=newer)):
        done = job_scene.wait(job)
    assert counts(done) == (TILES, 0, TILES, 0)
    # That of the other model waits for a worker that has it.
    assert job_scene.find(old).status == "queued"
    assert done.failures == ()
