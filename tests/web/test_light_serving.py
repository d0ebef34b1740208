"""What a process that serves has loaded once it has done all kinds of work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from support.api_client import NORTH_WEST, SCENE, ingest, viewport, write_raster

from earthgql.models import load_classifier
from earthgql.models.bundle import Bundle
from earthgql.models.engines.openvino import runtime
from earthgql.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.skipif(not runtime.is_installed(), reason="needs OpenVINO")

TIMEOUT_S = 120
SERVE = """
import json, sys, time
from types import SimpleNamespace
from earthgql.app import create_app
from earthgql.cli.server.background import WorkerHooks
from earthgql.settings import load_settings

settings = load_settings()
app = create_app(settings)
# As gunicorn has it, after it has made the application in a worker.
worker = SimpleNamespace(wsgi=app, age=1, alive=True)
hooks = WorkerHooks(settings)
hooks.begin(worker)
client = app.test_client()

def ask(query, **variables):
    answer = client.post("/graphql", json={"query": query, "variables": variables}).get_json()
    assert "errors" not in answer, answer
    return answer["data"]

part, area = json.loads(sys.argv[1])
viewport = ask(
    "query ($b: BoundsInput!) { viewport(bounds: $b) { tilesTotal tilesClassified } }", b=part
)["viewport"]
job = ask(
    "mutation ($b: BoundsInput!) { classifyArea(bounds: $b) { id } }", b=area
)["classifyArea"]
until = time.monotonic() + float(sys.argv[2])
status = "QUEUED"
while status in ("QUEUED", "RUNNING"):
    assert time.monotonic() < until, status
    time.sleep(0.1)
    status = ask("query ($id: ID!) { job(id: $id) { status } }", id=job["id"])["job"]["status"]
hooks.end(None, worker)
heavy = [name for name in ("tensorflow", "keras", "h5py", "nncf") if name in sys.modules]
print(json.dumps({"viewport": viewport, "job": status, "heavy": heavy}))
"""


def test_serving_and_jobs_load_neither_tensorflow_nor_what_converts_for_it(
    fresh_engine: Engine, small_bundle: Bundle, networks_dir: Path, tmp_path: Path
) -> None:
    settings = {"bundle": small_bundle.folder, "var_dir": networks_dir, "engine": "openvino"}
    load_classifier(Settings(**settings))  # converts the network, unless another test did
    ingest(fresh_engine, write_raster(tmp_path / "lake.tif", NORTH_WEST, 5, 4), SCENE)
    url = fresh_engine.url.render_as_string(hide_password=False)
    given = {f"EARTHGQL_{name.upper()}": str(value) for name, value in settings.items()}
    places = json.dumps([viewport(NORTH_WEST, 3, 2), viewport(NORTH_WEST, 5, 4)])
    done = subprocess.run(
        [sys.executable, "-c", SERVE, places, str(TIMEOUT_S)],
        cwd=PROJECT_ROOT,
        env={**os.environ, **given, "EARTHGQL_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "viewport": {"tilesTotal": 6, "tilesClassified": 6},
        "job": "DONE",
        "heavy": [],
    }
    with fresh_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM tile_score")) == 20
