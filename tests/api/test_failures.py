"""What goes wrong behind the API: codes for what is known, masks for the rest."""

import logging
import re
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from support.api_client import (
    NORTH_WEST,
    WHOLE_SCENE,
    Api,
    centre,
    ingest,
    make_api,
    viewport,
    write_raster,
)
from support.pixel_classifier import PIXEL_IDENTITY, GatedClassifier, PixelClassifier

from earthgql.app import create_app
from earthgql.database.engine import database_errors, engine_on
from earthgql.errors import DiskFullError, ModelUnavailableError
from earthgql.imagery.grid import TileIndex
from earthgql.models.bundle import read_manifest
from earthgql.models.loading import chosen_folder
from earthgql.models.protocol import Classifier
from earthgql.settings import Settings

VIEWPORT = """
query ($bounds: BoundsInput!) {
  tilesInBounds(bounds: $bounds) { nodes { x y classification { labels } } }
}
"""
POINT = "query ($lat: Float!, $lon: Float!) { classifyPoint(lat: $lat, lon: $lon) { labels } }"
LAT, LON = centre(NORTH_WEST)
BESIDE = TileIndex(NORTH_WEST.z, NORTH_WEST.x + 2, NORTH_WEST.y)


@pytest.fixture
def two_scenes(fresh_engine: Engine, tmp_path: Path) -> Api:
    """Two scenes side by side, of two by two tiles each; the files are the test's to spoil."""
    for name, corner in (("left", NORTH_WEST), ("right", BESIDE)):
        ingest(fresh_engine, write_raster(tmp_path / f"{name}.tif", corner, 2, 2), name)
    return make_api(fresh_engine)


@pytest.mark.parametrize("how", ["vanished", "damaged", "became a folder"])
def test_a_file_that_cannot_be_read(two_scenes: Api, tmp_path: Path, how: str) -> None:
    file = tmp_path / "left.tif"
    whole = file.read_bytes()
    file.unlink()
    if how == "damaged":
        file.write_bytes(whole[:200] + b"\0" * 1_000)
    elif how == "became a folder":
        file.mkdir()
    answer = two_scenes.ask(VIEWPORT, bounds=viewport(NORTH_WEST, 4, 2))
    nodes = answer["data"]["tilesInBounds"]["nodes"]
    assert len(nodes) == 8
    for node in nodes:
        assert (node["classification"] is None) is (node["x"] < BESIDE.x)
    assert {e["extensions"]["code"] for e in answer["errors"]} == {"IMAGE_UNREADABLE"}
    lost = [i for i, node in enumerate(nodes) if node["classification"] is None]
    assert sorted(e["path"] for e in answer["errors"]) == [
        ["tilesInBounds", "nodes", i, "classification"] for i in lost
    ]
    image = two_scenes.client.get(
        two_scenes.data(
            "query ($b: BoundsInput!) { tilesInBounds(bounds: $b) { nodes { imageUrl } } }",
            b=viewport(NORTH_WEST, 1, 1),
        )["tilesInBounds"]["nodes"][0]["imageUrl"]
    )
    assert image.status_code == 422
    assert image.get_json()["errors"][0]["extensions"]["code"] == "IMAGE_UNREADABLE"

    shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
    file.write_bytes(whole)
    assert two_scenes.data(VIEWPORT, bounds=viewport(NORTH_WEST, 4, 2))


def test_what_is_done_by_the_deadline_is_kept(fresh_engine: Engine, raster: Path) -> None:
    ingest(fresh_engine, raster, "lake")
    api = make_api(fresh_engine, PixelClassifier(seconds_per_tile=0.1), inference_deadline=3.0)
    done = 0
    for _ in range(20):
        began = time.monotonic()
        answer = api.ask(VIEWPORT, bounds=viewport(NORTH_WEST, 5, 10))
        assert time.monotonic() - began < 20.0
        nodes = answer["data"]["tilesInBounds"]["nodes"]
        assert len(nodes) == 50
        late = [i for i, node in enumerate(nodes) if node["classification"] is None]
        errors = answer.get("errors", [])
        assert {e["extensions"]["code"] for e in errors} <= {"TIMEOUT"}
        assert [e["path"][2] for e in errors] == late
        assert 50 - len(late) > done
        done = 50 - len(late)
        if not late:
            break
    assert done == 50
    assert len(api.classifier.submissions) > 1


def test_the_deadline_is_the_request_s(fresh_engine: Engine, raster: Path) -> None:
    ingest(fresh_engine, raster, "lake")
    api = make_api(fresh_engine, PixelClassifier(seconds_per_tile=0.8), inference_deadline=5.0)
    fields = "\n".join(
        f"p{i}: classifyPoint(lat: {lat}, lon: {lon}) {{ labels }}"
        for i, (lat, lon) in enumerate(
            centre(TileIndex(NORTH_WEST.z, NORTH_WEST.x + i, NORTH_WEST.y)) for i in range(10)
        )
    )
    answer = api.ask(f"{{ {fields} }}")
    assert {e["extensions"]["code"] for e in answer["errors"]} == {"TIMEOUT"}
    assert 0 < len(answer["errors"]) < 10


def test_a_dead_database(caplog: pytest.LogCaptureFixture) -> None:
    engine = engine_on("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    api = make_api(engine)
    answer = api.ask(POINT, lat=LAT, lon=LON)
    assert answer["data"] == {"classifyPoint": None}
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "DATABASE_UNAVAILABLE"
    assert "127.0.0.1" not in error["message"]
    assert "127.0.0.1" in caplog.text
    # Their resolvers ask first which model is meant.
    for field in ("viewport { ids }", "labelHistogram { tiles }"):
        assert api.codes(f"{{ {field} }}") == ["DATABASE_UNAVAILABLE"]
    for path in ("/tiles/1.png", "/readyz", "/examples.json", "/export/tiles.csv"):
        response = api.client.get(path)
        assert response.status_code == 503
        assert "127.0.0.1" not in response.text
    assert api.client.get("/healthz").status_code == 200
    engine.dispose()


def test_a_statement_that_takes_too_long_fails_no_other_field(fresh_api: Api) -> None:
    engine = engine_on(fresh_api.engine.url, statement_timeout=1.0, autocommit=True)

    def slow(_c: Any, _k: Any, statement: str, values: Any, *_rest: Any) -> tuple[str, Any]:
        late = isinstance(values, dict) and values.get("zoom") == 3
        return (f"SELECT pg_sleep(9); {statement}" if late else statement), values

    event.listen(engine, "before_cursor_execute", slow, retval=True)
    point = f"lat: {LAT}, lon: {LON}"
    fields = f"""
      slowList: tilesInBounds(zoom: 3) {{ nodes {{ id }} }} list: tilesInBounds {{ nodes {{ id }} }}
      slowView: viewport(zoom: 3, infer: false) {{ ids }} view: viewport(infer: false) {{ ids }}
      slowPoint: classifyPoint({point}, zoom: 3) {{ labels }}
      point: classifyPoint({point}) {{ labels }}
    """
    answer = make_api(engine).ask(f"{{ {fields} }}")
    engine.dispose()
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"TIMEOUT"}
    found = {name for name, value in answer["data"].items() if value is not None}
    assert found == {"list", "view", "point"}


def test_a_scene_that_is_deleted_while_it_is_read(fresh_api: Api) -> None:
    def delete(_c: Any, _k: Any, statement: str, *_rest: Any) -> None:
        if "FROM tile t" in statement:
            with other.begin() as connection:
                connection.exec_driver_sql("DELETE FROM scene")

    other = engine_on(fresh_api.engine.url)
    event.listen(fresh_api.engine, "after_cursor_execute", delete)
    codes = fresh_api.codes("{ tilesInBounds(first: 1) { nodes { scene { name } } } }")
    event.remove(fresh_api.engine, "after_cursor_execute", delete)
    other.dispose()
    assert codes == ["NOT_FOUND"]


def test_a_database_that_comes_back(fresh_api: Api) -> None:
    assert fresh_api.data(POINT, lat=LAT, lon=LON)["classifyPoint"]
    with fresh_api.engine.connect() as connection:
        others = (
            "FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {others}")
        while connection.exec_driver_sql(f"SELECT count(*) {others}").scalar_one():
            connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
    assert fresh_api.data(POINT, lat=LAT, lon=LON)["classifyPoint"]


def test_a_defect_is_logged_in_full_and_masked(
    fresh_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with fresh_api.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE tile RENAME COLUMN y TO secret_column")
    with caplog.at_level(logging.ERROR):
        answer = fresh_api.ask(VIEWPORT, bounds=WHOLE_SCENE)
    [error] = answer["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR"}
    assert error["path"] == ["tilesInBounds"]
    assert not re.search("SELECT|secret|Undefined|psycopg", str(answer))
    assert "UndefinedColumn" in caplog.text
    assert "Traceback" in caplog.text
    with fresh_api.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE scene RENAME COLUMN kind TO secret_column")
    image = fresh_api.client.get("/tiles/1.png")
    assert image.status_code == 500
    assert image.get_json()["errors"][0]["extensions"]["code"] == "INTERNAL_ERROR"
    assert "secret" not in image.text


def test_tables_that_are_not_there(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE tile_score, tile, scene, model CASCADE")
    api = make_api(fresh_engine)
    assert api.codes(POINT, lat=LAT, lon=LON) == ["DATABASE_UNAVAILABLE"]
    assert api.codes("{ scenes { nodes { id } } models { nodes { id } } }") == [
        "DATABASE_UNAVAILABLE",
        "DATABASE_UNAVAILABLE",
    ]


def app_with(engine: Engine, load: Any) -> Any:
    return create_app(Settings(), engine=engine, load_classifier=load).test_client()


def test_a_model_that_cannot_be_loaded(
    fresh_engine: Engine, raster: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ingest(fresh_engine, raster, "lake")

    def load() -> Classifier:
        raise ModelUnavailableError("/srv/models/mine lacks weights.h5")

    client = app_with(fresh_engine, load)
    body = {"query": VIEWPORT, "variables": {"bounds": viewport(NORTH_WEST, 2, 1)}}
    answer = client.post("/graphql", json=body).get_json()
    assert [n["classification"] for n in answer["data"]["tilesInBounds"]["nodes"]] == [None, None]
    assert {e["extensions"]["code"] for e in answer["errors"]} == {"MODEL_UNAVAILABLE"}
    assert all("/srv" not in error["message"] for error in answer["errors"])
    assert "/srv/models/mine lacks weights.h5" in caplog.text
    while (ready := client.get("/readyz")).get_json()["status"] == "starting":
        time.sleep(0.05)
    assert ready.status_code == 503
    assert ready.get_json()["status"] == "failed"
    assert "/srv" not in ready.text


def test_stored_scores_of_a_model_that_cannot_be_loaded(fresh_engine: Engine, raster: Path) -> None:
    ingest(fresh_engine, raster, "lake")
    manifest = read_manifest(chosen_folder(Settings()))
    served = replace(PIXEL_IDENTITY, name=manifest.name, version=manifest.version)
    classifier = PixelClassifier(identity=served)
    before = create_app(Settings(), engine=fresh_engine, load_classifier=lambda: classifier)
    scored = {"query": VIEWPORT, "variables": {"bounds": viewport(NORTH_WEST, 1, 1)}}
    stored = before.test_client().post("/graphql", json=scored).get_json()

    def damaged() -> Classifier:
        raise ModelUnavailableError("weights.h5 is damaged")

    client = app_with(fresh_engine, damaged)
    assert client.post("/graphql", json=scored).get_json() == stored
    more = {"query": VIEWPORT, "variables": {"bounds": viewport(NORTH_WEST, 2, 1)}}
    answer = client.post("/graphql", json=more).get_json()
    found = [n["classification"] for n in answer["data"]["tilesInBounds"]["nodes"]]
    assert [entry is None for entry in found] == [False, True]
    assert [e["extensions"]["code"] for e in answer["errors"]] == ["MODEL_UNAVAILABLE"]
    lat, lon = centre(NORTH_WEST)
    told = client.post("/inference/predict", json={"lat1": lat, "lng1": lon})
    assert told.status_code == 200


def test_an_exhausted_pool_and_a_full_disk_are_named(fresh_engine: Engine) -> None:
    url = fresh_engine.url.render_as_string(hide_password=False)
    api = make_api(engine_on(url, pool_size=1, autocommit=True))
    with api.engine.connect(), api.engine.connect():
        began = time.monotonic()
        answer = api.client.post("/graphql", json={"query": "{ scenes { nodes { name } } }"})
        assert time.monotonic() - began < 10
    [error] = answer.get_json()["errors"]
    assert error["extensions"]["code"] == "OVERLOADED"
    assert "connections are in use" in error["message"]
    assert answer.headers["Retry-After"]
    with pytest.raises(DiskFullError) as full, database_errors(), fresh_engine.connect() as conn:
        conn.exec_driver_sql(
            "DO $$ BEGIN RAISE EXCEPTION 'could not extend file \"base/1/2\"'"
            " USING ERRCODE = '53100'; END $$"
        )
    assert full.value.code == "DATABASE_UNAVAILABLE"
    assert "disk is full" in full.value.public_message
    assert "base/1" not in full.value.public_message
    api.engine.dispose()


def test_ready_once_the_model_is_loaded(fresh_engine: Engine) -> None:
    go_on = threading.Event()

    def load() -> Classifier:
        assert go_on.wait(20)
        return PixelClassifier()

    client = app_with(fresh_engine, load)
    assert client.get("/healthz").get_json() == {"status": "alive"}
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.get_json()["status"] == "starting"
    assert response.headers["Retry-After"]
    go_on.set()
    deadline = time.monotonic() + 20
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.get("/readyz").get_json() == {"status": "ready"}
    with fresh_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM model").scalars().all() == ["pixel"]


def test_more_than_the_queue_holds_is_refused_at_once(fresh_engine: Engine, raster: Path) -> None:
    ingest(fresh_engine, raster, "lake")
    classifier = GatedClassifier()
    api = make_api(fresh_engine, classifier, queue_size=1, inference_deadline=300)
    first: list[dict[str, Any]] = []
    asking = threading.Thread(
        target=lambda: first.append(api.data(VIEWPORT, bounds=viewport(NORTH_WEST, 5, 4)))
    )
    asking.start()
    classifier.wait_begun()
    answer = api.ask(VIEWPORT, bounds=viewport(NORTH_WEST, 6, 4))
    nodes = answer["data"]["tilesInBounds"]["nodes"]
    assert len(nodes) == 24
    assert [e["extensions"]["code"] for e in answer["errors"]] == ["OVERLOADED"] * 24
    assert api.codes(POINT, lat=centre(BESIDE)[0], lon=centre(NORTH_WEST._replace(x=8609))[1]) == [
        "OVERLOADED"
    ]
    classifier.let()
    asking.join(60)
    assert len(first[0]["tilesInBounds"]["nodes"]) == 20
    assert api.data(VIEWPORT, bounds=viewport(NORTH_WEST, 6, 4))


def test_many_requests_at_once(fresh_engine: Engine, raster: Path) -> None:
    ingest(fresh_engine, raster, "lake")
    api = make_api(fresh_engine, inference_deadline=300)
    answers: list[dict[str, Any]] = []

    def ask() -> None:
        answers.append(api.data(VIEWPORT, bounds=viewport(NORTH_WEST, 5, 4)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)
