"""Jobs when something breaks: the model, a worker, the database, the queue."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from textwrap import dedent

import pytest
from support.job_scene import TILES, JobScene, wait_until
from support.pixel_classifier import GatedClassifier, PixelClassifier

from earthgql import cli, models
from earthgql.cli.server import background
from earthgql.database.engine import engine_on
from earthgql.errors import ModelNotLoadedError, ModelUnavailableError
from earthgql.jobs import tasks
from earthgql.jobs.service import model_queue
from earthgql.settings import PROJECT_ROOT

OTHERS = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Failing(PixelClassifier):
    """A model that fails on its first batches."""

    batches_to_fail = 3

    def scores(self, pixels):
        if self.batches_to_fail:
            self.batches_to_fail -= 1
            raise ModelUnavailableError("the accelerator is being reset")
        return super().scores(pixels)


def test_what_fails_for_now_is_tried_again(job_scene: JobScene) -> None:
    classifier = Failing()
    with job_scene.worker(classifier):
        job = job_scene.wait(job_scene.start())
    assert (job.status, job.done, job.failed, job.failures) == ("done", TILES, 0, ())
    assert classifier.batches_to_fail == 0
    assert job_scene.count("tile_score") == TILES


def test_what_always_fails_is_counted_at_last(
    job_scene: JobScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MAX_ATTEMPTS", 2)
    classifier = Failing()
    classifier.batches_to_fail = 1_000_000
    with job_scene.worker(classifier, chunk_tiles=16):
        job = job_scene.wait(job_scene.start())
    assert (job.status, job.done, job.failed) == ("done", 0, TILES)
    [failure] = job.failures
    assert failure == ("MODEL_UNAVAILABLE", ModelNotLoadedError().public_message, TILES)
    assert (job_scene.count("job_chunk"), job_scene.count("procrastinate_jobs")) == (0, 0)


def test_a_model_that_cannot_be_loaded_is_an_error_of_the_job(
    job_scene: JobScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Damaged(PixelClassifier):
        def warm_up(self) -> None:
            raise ModelUnavailableError("the weights are damaged")

    monkeypatch.setattr(tasks, "MAX_ATTEMPTS", 2)
    with job_scene.worker(Damaged()):
        job = job_scene.wait(job_scene.start())
    assert (job.status, job.total, job.attempts) == ("failed", None, 2)
    assert job.failures == (("MODEL_UNAVAILABLE", ModelNotLoadedError().public_message, 0),)
    assert job_scene.count("procrastinate_jobs") == 0


def test_a_defect_is_masked_and_ends_the_job(
    job_scene: JobScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Defect(PixelClassifier):
        def warm_up(self) -> None:
            raise RuntimeError("/secret/path")

    monkeypatch.setattr(tasks, "MAX_ATTEMPTS", 1)
    with job_scene.worker(Defect()):
        job = job_scene.wait(job_scene.start())
    [failure] = job.failures
    assert (job.status, failure.code) == ("failed", "INTERNAL_ERROR")
    assert "secret" not in failure.message


def test_a_stopped_worker_returns_its_chunks_and_another_continues(job_scene: JobScene) -> None:
    classifier = GatedClassifier(batch_size=1)
    with job_scene.worker(classifier, chunk_tiles=20):
        job = job_scene.start()
        classifier.wait_begun()
        # It stops when the block ends: the sixteen tiles it is at are stored, the others left.
    stored = job_scene.count("tile_score")
    assert stored == 16
    assert job_scene.find(job).status == "running"
    assert job_scene.count("procrastinate_workers") == 0
    assert job_scene.scalar("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'") == 2
    other = PixelClassifier()
    with job_scene.worker(other):
        done = job_scene.wait(job)
    assert (done.status, done.done) == ("done", TILES)
    assert other.tiles == TILES - stored


def test_a_worker_waits_for_a_database_that_went_away(job_scene: JobScene) -> None:
    classifier = GatedClassifier()
    with job_scene.worker(classifier):
        job = job_scene.start()
        classifier.wait_begun()
        assert job_scene.scalar(OTHERS) >= 2
        classifier.let()
        done = job_scene.wait(job)
        assert (done.status, done.done, done.failed) == ("done", TILES, 0)
        assert job_scene.scalar(OTHERS) >= 2
        assert job_scene.wait(job_scene.start()).known == TILES
    assert classifier.tiles == TILES
    assert job_scene.count("tile_score") == TILES


def test_a_worker_without_a_database_logs_it_and_can_be_stopped(
    job_scene: JobScene, caplog: pytest.LogCaptureFixture
) -> None:
    gone = dataclasses.replace(
        job_scene, engine=engine_on(job_scene.engine.url.set(database="none"))
    )
    with gone.worker(PixelClassifier()) as working:
        wait_until(lambda: "jobs wait, next attempt in 2 s" in caplog.text)
        assert 'database "none" does not exist' in caplog.text
        assert "Traceback" not in caplog.text
    assert working.jobs._thread is not None
    assert not working.jobs._thread.is_alive()
    gone.engine.dispose()


def test_a_worker_without_free_connections_still_sends_heartbeats(job_scene: JobScene) -> None:
    narrow = dataclasses.replace(job_scene, engine=engine_on(job_scene.engine.url, pool_size=1))
    heartbeat = "SELECT max(last_heartbeat) FROM procrastinate_workers"
    with narrow.worker(PixelClassifier()):
        wait_until(lambda: job_scene.scalar(heartbeat))
        with narrow.engine.connect(), narrow.engine.connect():
            began, first = time.monotonic(), job_scene.scalar(heartbeat)
            wait_until(lambda: job_scene.scalar(heartbeat) - first > timedelta(seconds=1.5))
            assert time.monotonic() - began < 15
        assert job_scene.wait(narrow.start()).status == "done"
    narrow.engine.dispose()


def test_work_that_the_queue_lost_is_queued_again(job_scene: JobScene) -> None:
    job = job_scene.start()
    job_scene.execute("DELETE FROM procrastinate_jobs")
    classifier = GatedClassifier()
    with job_scene.worker(classifier):
        classifier.wait_begun()
        job_scene.execute("DELETE FROM procrastinate_jobs WHERE status = 'todo'")
        classifier.let()
        done = job_scene.wait(job)
    assert (done.status, done.done) == ("done", TILES)
    assert classifier.tiles == TILES


SCRIPT = """
    import sys, time
    sys.path[:0] = {tests!r},
    from support.pixel_classifier import PixelClassifier
    from support.job_scene import QUICK
    from earthgql import cli, models
    from earthgql.cli.server import background
    from earthgql.cli.server import worker as command
    from earthgql.jobs import job_worker
    from earthgql.jobs.service import model_queue

    class Telling(PixelClassifier):
        def scores(self, pixels):
            if sum(self.submissions) == 10:
                print("go", flush=True)
                time.sleep({sleep})
            return super().scores(pixels)

    models.load_classifier = lambda _: Telling(batch_size=1)
    background.queue_name = lambda _: model_queue("pixel", "1")
    command.AT_ONCE = 1
    job_worker.WorkerIntervals = lambda: QUICK
    job_worker.JobWorker.__init__.__kwdefaults__["chunk_tiles"] = 4
    cli.main(["worker"])
"""


def begun_worker(job_scene: JobScene, sleep: float) -> subprocess.Popen[str]:
    """Run ``manage.py worker`` with a model that says when it is in the middle."""
    url = job_scene.engine.url.render_as_string(hide_password=False)
    script = dedent(SCRIPT).format(tests=str(PROJECT_ROOT / "tests"), sleep=sleep)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "EARTHGQL_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n", process.communicate()
    return process


def test_a_killed_worker_loses_nothing(job_scene: JobScene) -> None:
    job = job_scene.start()
    process = begun_worker(job_scene, sleep=600)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    stored = job_scene.count("tile_score")
    assert 0 < stored < TILES
    assert job_scene.scalar("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") > 0
    classifier = PixelClassifier()
    with job_scene.worker(classifier):
        done = job_scene.wait(job)
    assert (done.status, done.total, done.done, done.failed) == ("done", TILES, TILES, 0)
    assert classifier.tiles == TILES - stored
    assert job_scene.count("tile_score") == TILES
    assert (job_scene.count("job_chunk"), job_scene.count("procrastinate_jobs")) == (0, 0)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_stops_cleanly(job_scene: JobScene, how: signal.Signals) -> None:
    job = job_scene.start()
    process = begun_worker(job_scene, sleep=0.5)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert job_scene.scalar("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == 0
    assert job_scene.count("procrastinate_workers") == 0
    stored = job_scene.count("tile_score")
    assert 8 <= stored < TILES
    assert job_scene.find(job).status == "running"


def test_a_worker_that_ends_when_nothing_waits(
    job_scene: JobScene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    classifier = PixelClassifier()
    url = job_scene.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", url)
    monkeypatch.setattr(models, "load_classifier", lambda _settings: classifier)
    monkeypatch.setattr(background, "queue_name", lambda _settings: model_queue("pixel", "1"))
    job = job_scene.start()
    assert cli.run(["worker", "--once"]) == 0
    assert job_scene.find(job).status == "done"
    assert classifier.tiles == TILES
    assert cli.run(["worker", "--once"]) == 0
    gone = job_scene.engine.url.set(database="none").render_as_string(hide_password=False)
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", gone)
    assert cli.run(["worker", "--once"]) == 1
    assert "the database cannot be reached" in capsys.readouterr().err
