"""``/jobs/<id>/events``: progress as server-sent events, and a job done by a real server."""

import json
import signal
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text
from support.api_client import Api, make_api
from support.job_scene import TILES, JobScene, area, make_job_scene, wait_until
from support.pixel_classifier import GatedClassifier, PixelClassifier
from test_server import get, served

from earthgql.cli.server.background import WorkerHooks
from earthgql.cli.server.gunicorn import streams
from earthgql.settings import Settings
from earthgql.web import job_events as web_jobs


@pytest.fixture
def job_scene(module_engine: Engine, tmp_path: Path) -> JobScene:
    return make_job_scene(module_engine, tmp_path / "pyramid")


@pytest.fixture
def api(job_scene: JobScene, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(web_jobs, "STEP_S", 0.02)
    return make_api(job_scene.engine)


def events(lines: Iterator[bytes]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, id and data of each event of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        text = line.decode().rstrip("\n")
        if text:
            name, _, value = text.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield fields["event"], fields["id"], json.loads(fields["data"])
            fields = {}


def stream(api: Api, number: int = 1, **headers: str) -> Any:
    return api.client.get(f"/jobs/{number}/events", headers=headers, buffered=False)


def lines(response: Any) -> Iterator[bytes]:
    for block in response.response:
        yield from block.splitlines(keepends=True)


def test_a_job_is_followed_to_its_end(api: Api, job_scene: JobScene) -> None:
    classifier = GatedClassifier()
    job = job_scene.start()
    response = stream(api)
    assert response.status_code == 200
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    told = events(lines(response))
    kind, event_id, first = next(told)
    assert (kind, event_id) == ("progress", "0-0")
    created = first.pop("createdAt")
    assert created == job.created_at.isoformat()
    assert first == {
        "status": "QUEUED",
        "total": None,
        "done": 0,
        "alreadyDone": 0,
        "failed": 0,
        "rate": None,
        "eta": None,
        "errors": [],
        "startedAt": None,
        "finishedAt": None,
    }
    with job_scene.worker(classifier):
        kind, _, begun = next(told)
        assert (kind, begun["status"], begun["total"]) == ("progress", "RUNNING", TILES)
        classifier.let()
        *further, (kind, event_id, last) = told
    assert (kind, event_id, last["status"], last["done"]) == ("end", "end", "DONE", TILES)
    done = [event[2]["done"] for event in further]
    assert done == sorted(set(done))
    assert last["finishedAt"] is not None
    response.close()


def test_a_new_connection_to_a_finished_job_gets_204(api: Api, job_scene: JobScene) -> None:
    job_scene.start()
    job_scene.service.cancel(1)
    [(kind, _, last)] = events(lines(stream(api)))
    assert (kind, last["status"]) == ("end", "CANCELLED")
    assert stream(api, **{"Last-Event-ID": "end"}).status_code == 204
    # Any other is harmless.
    for event_id in ("12-0", "nonsense", "-1"):
        [(kind, _, _)] = events(lines(stream(api, **{"Last-Event-ID": event_id})))
        assert kind == "end"


def test_a_stream_sends_comments_and_ends_after_a_while(
    api: Api, job_scene: JobScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_jobs, "BEAT_S", 0.1)
    monkeypatch.setattr(web_jobs, "LONGEST_S", 0.5)
    job_scene.start()
    body = b"".join(stream(api).response).decode()
    assert body.startswith("retry: 3000\n\nevent: progress\n")
    assert body.count("event:") == 1
    assert ": still here\n\n" in body


def test_a_look_that_takes_too_long_does_not_end_the_stream(api: Api, job_scene: JobScene) -> None:
    job = job_scene.start()
    told = events(lines(stream(api)))
    next(told)
    cancel_look = """SELECT max(pg_cancel_backend(pid)::int) FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    with ThreadPoolExecutor(1) as reader:
        with job_scene.engine.begin() as conn:
            conn.execute(text("LOCK TABLE job IN ACCESS EXCLUSIVE MODE"))
            rest = reader.submit(list, told)
            wait_until(lambda: job_scene.scalar(cancel_look))
        job_scene.service.cancel(job.id)
        *_, (kind, _, last) = rest.result(60)
    assert (kind, last["status"]) == ("end", "CANCELLED")


def test_only_so_many_streams_are_open(api: Api, job_scene: JobScene) -> None:
    job_scene.start()
    opened = [stream(api) for _ in range(4)]
    for response in opened:
        next(response.response)
    refused = stream(api)
    assert refused.status_code == 503
    assert refused.get_json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
    opened[0].close()
    assert stream(api).status_code == 200
    for response in opened:
        response.close()


def test_a_stream_without_a_reader_releases_its_slot(api: Api, job_scene: JobScene) -> None:
    job_scene.start()
    for _ in range(6):
        assert api.client.head("/jobs/1/events").status_code == 200
    for _ in range(6):
        response = stream(api)
        assert response.status_code == 200
        response.close()


def test_a_stream_survives_connections_that_the_server_closes(
    api: Api, job_scene: JobScene
) -> None:
    job_scene.start()
    told = events(lines(stream(api)))
    assert next(told)[2]["status"] == "QUEUED"
    job_scene.scalar(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with job_scene.worker(PixelClassifier()):
        assert [*told][-1][2]["status"] == "DONE"


def test_jobs_that_are_not_there(api: Api) -> None:
    for number in (7, 10**30):
        response = stream(api, number)
        assert response.status_code == 404
        assert response.get_json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert api.client.get("/jobs/x/events").status_code == 404
    assert api.client.post("/jobs/1/events").status_code == 405


def test_a_server_that_leaves_jobs_to_others_and_is_stopped(api: Api, job_scene: JobScene) -> None:
    worker = SimpleNamespace(wsgi=api.app, age=2, alive=True)
    hooks = WorkerHooks(Settings(job_worker=False))
    hooks.begin(worker)
    assert "job-worker" not in {thread.name for thread in threading.enumerate()}
    job_scene.start()
    told = events(lines(stream(api)))
    assert next(told)[2]["status"] == "QUEUED"
    worker.alive = False
    assert [*told] == []
    hooks.end(None, worker)


@pytest.mark.parametrize(("threads", "most"), [(1, 0), (2, 1), (4, 1), (16, 4), (256, 64)])
def test_threads_lent_to_streams(threads: int, most: int) -> None:
    assert streams(threads) == most


def test_a_server_does_jobs_and_stops_with_a_stream_open(job_scene: JobScene) -> None:
    database_url = job_scene.engine.url.render_as_string(hide_password=False)
    bounds = dict(zip(("west", "south", "east", "north"), area(2, 2), strict=True))
    edges = ", ".join(f"{name}: {value}" for name, value in bounds.items())
    with served(database_url) as (process, url):
        get(f"{url}/healthz")
        body = {"query": f"mutation {{ classifyArea(bounds: {{{edges}}}) {{ id eventsUrl }} }}"}
        ask = urllib.request.Request(
            f"{url}/graphql", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        job = json.load(urllib.request.urlopen(ask, timeout=60))["data"]["classifyArea"]
        assert job["eventsUrl"] == f"{url}/jobs/1/events"
        with urllib.request.urlopen(job["eventsUrl"], timeout=60) as response:
            *_, (kind, _, last) = events(iter(response.readline, b""))
        assert (kind, last["status"], last["done"], last["failed"]) == ("end", "DONE", 4, 0)

        # One that waits for ever: no worker has its model.
        job_scene.start(3, 3)
        with urllib.request.urlopen(f"{url}/jobs/2/events", timeout=60) as response:
            told = events(iter(response.readline, b""))
            assert next(told)[2]["status"] == "QUEUED"
            rest: list[Any] = []
            reader = threading.Thread(target=lambda: rest.extend(told))
            reader.start()
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=25)
            reader.join(20)
        assert process.returncode == 0, output
        assert "Traceback" not in output
        assert rest == []
