"""Jobs over GraphQL: started, found, listed, cancelled, refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from support.api_client import Api, make_api
from support.job_scene import TILES, JobScene, area, make_job_scene
from support.pixel_classifier import PixelClassifier

from earthgql.database.engine import engine_on

START = """
mutation ($bounds: BoundsInput, $polygon: GeoJSON, $scene: String, $zoom: Int, $model: String) {
  classifyArea(bounds: $bounds, polygon: $polygon, scene: $scene, zoom: $zoom, model: $model) {
    id status total done alreadyDone failed rate eta eventsUrl finishedAt
    errors { code message tiles } model { name version }
  }
}
"""
JOB = """
query ($id: ID!) { job(id: $id) { id status total done alreadyDone failed rate eta } }
"""
CANCEL = "mutation ($id: ID!) { cancelJob(id: $id) { id status finishedAt } }"
BOUNDS = dict(zip(("west", "south", "east", "north"), area(), strict=True))
NOWHERE = {"west": 100, "south": 10, "east": 101, "north": 11}


@pytest.fixture
def job_scene(module_engine: Engine, tmp_path: Path) -> JobScene:
    return make_job_scene(module_engine, tmp_path / "pyramid")


@pytest.fixture
def api(job_scene: JobScene) -> Api:
    return make_api(job_scene.engine)


def start(api: Api, **variables: Any) -> dict[str, Any]:
    job: dict[str, Any] = api.data(START, **variables)["classifyArea"]
    return job


def test_longitudes_are_wrapped(api: Api) -> None:
    """Equal areas are one job, however far the map was panned."""
    job = start(api, bounds=NOWHERE)
    for turn in (-360, 360):
        panned = {"west": NOWHERE["west"] + turn, "east": NOWHERE["east"] + turn}
        assert start(api, bounds={**NOWHERE, **panned})["id"] == job["id"]
    assert api.codes(START, bounds={**NOWHERE, "east": 540.5}) == ["BAD_USER_INPUT"]


def test_a_job_from_start_to_end(api: Api, job_scene: JobScene) -> None:
    job = start(api, bounds=BOUNDS)
    assert job == {
        "id": "Sm9iOjE=",
        "status": "QUEUED",
        "total": None,
        "done": 0,
        "alreadyDone": 0,
        "failed": 0,
        "rate": None,
        "eta": None,
        "eventsUrl": "http://localhost/jobs/1/events",
        "finishedAt": None,
        "errors": [],
        "model": {"name": "pixel", "version": "1"},
    }
    assert start(api, bounds=BOUNDS)["id"] == job["id"]
    record = job_scene.service.find(1)
    assert record is not None
    with job_scene.worker(PixelClassifier()):
        job_scene.wait(record)
    done = api.data(JOB, id=job["id"])["job"]
    rate = done.pop("rate")
    assert done == {
        "id": job["id"],
        "status": "DONE",
        "total": TILES,
        "done": TILES,
        "alreadyDone": 0,
        "failed": 0,
        "eta": None,
    }
    assert rate > 0
    assert start(api, bounds=BOUNDS)["id"] != job["id"]
    # What the job has done, the server need not do.
    fields = "nodes { classification { labels } }"
    asked = f"query ($b: BoundsInput!) {{ tilesInBounds(bounds: $b) {{ {fields} }} }}"
    assert len(api.data(asked, b=BOUNDS)["tilesInBounds"]["nodes"]) == TILES
    assert api.classifier.tiles == 0


def test_an_area_without_tiles_is_done(api: Api) -> None:
    job = start(api, bounds=NOWHERE)
    assert (job["status"], job["total"], job["done"]) == ("DONE", 0, 0)
    assert job["finishedAt"] is not None


def test_requests_for_an_area_without_tiles_share_one_job(api: Api) -> None:
    fields = " ".join(f"a{i}: classifyArea(bounds: $b) {{ id }}" for i in range(20))
    made = api.data(f"mutation ($b: BoundsInput) {{ {fields} }}", b=NOWHERE)
    assert len({job["id"] for job in made.values()}) == 1
    assert start(api, bounds={**NOWHERE, "east": 102})["id"] != made["a0"]["id"]
    assert api.data("{ jobs { totalCount } }") == {"jobs": {"totalCount": 2}}


def test_jobs_that_ended_long_ago_are_forgotten(api: Api, job_scene: JobScene) -> None:
    old = start(api, bounds=BOUNDS)["id"]
    api.data(CANCEL, id=old)
    under_way = start(api, bounds=BOUNDS)["id"]
    empty = start(api, bounds=NOWHERE)["id"]
    job_scene.execute("UPDATE job SET created_at = now() - interval '31 days'")
    job_scene.execute("UPDATE job SET finished_at = now() - interval '31 days' WHERE id = 1")
    job_scene.execute("UPDATE job SET finished_at = now() - interval '29 days' WHERE id = 3")
    new = start(api, bounds=BOUNDS, zoom=14)["id"]
    listed = api.data("{ jobs { nodes { id } } }")["jobs"]["nodes"]
    assert [node["id"] for node in listed] == [under_way, empty, new]


def test_cancelling_does_not_wait_for_who_plans_the_job(api: Api, job_scene: JobScene) -> None:
    job = start(api, bounds=BOUNDS)["id"]
    with job_scene.engine.begin() as planning:
        planning.exec_driver_sql("SELECT FROM job FOR UPDATE")
        assert api.codes(CANCEL, id=job) == ["OVERLOADED"]
    assert api.data(CANCEL, id=job)["cancelJob"]["status"] == "CANCELLED"


def test_a_polygon_and_a_scene(api: Api) -> None:
    west, south, east, north = area(2, 2)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    first = start(api, polygon=polygon)
    assert first["status"] == "QUEUED"
    assert start(api, polygon=polygon, scene="place", zoom=14)["id"] != first["id"]
    assert start(api, polygon=polygon)["id"] == first["id"]


@pytest.mark.parametrize("junk", ['"\\u0000"', '"\\ud800"', "1e999", "[-0.0]"])
def test_of_a_polygon_nothing_else_is_kept(api: Api, job_scene: JobScene, junk: str) -> None:
    west, south, east, north = 100, 10, 101, 11
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    made = start(api, polygon={"type": "Polygon", "coordinates": [ring]})["id"]
    heights = [[float(lon), float(lat), 12] for lon, lat in ring]
    body = json.dumps(
        {
            "query": START,
            "variables": {
                "polygon": {"type": "Polygon", "x": "?", "bbox": [1], "coordinates": [heights]}
            },
        }
    ).replace('"?"', junk)
    answer = api.client.post("/graphql", data=body, content_type="application/json").get_json()
    assert answer["data"]["classifyArea"]["id"] == made
    with job_scene.engine.connect() as connection:
        (kept,) = connection.exec_driver_sql("SELECT request -> 'polygon' FROM job").scalars()
    assert kept == {"type": "Polygon", "coordinates": [ring]}


def test_cancelling(api: Api) -> None:
    job = start(api, bounds=BOUNDS)
    cancelled = api.data(CANCEL, id=job["id"])["cancelJob"]
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["finishedAt"] is not None
    assert api.data(CANCEL, id=job["id"])["cancelJob"] == cancelled
    assert start(api, bounds=BOUNDS)["id"] != job["id"]


def test_jobs_are_listed_and_found_as_nodes(api: Api) -> None:
    made = [start(api, bounds=BOUNDS, zoom=zoom)["id"] for zoom in (None, 14, 13)]
    query = """query ($last: Int) { jobs(last: $last) {
      totalCount nodes { id model { name } } pageInfo { hasPreviousPage hasNextPage } } }"""
    listed = api.data(query, last=2)["jobs"]
    assert [node["id"] for node in listed["nodes"]] == made[1:]
    assert listed["totalCount"] == 3
    assert listed["pageInfo"] == {"hasPreviousPage": True, "hasNextPage": False}
    node = "query ($id: ID!) { node(id: $id) { id ... on Job { status } } }"
    assert api.data(node, id=made[0])["node"] == {"id": made[0], "status": "QUEUED"}


def test_how_many_statements_it_takes(api: Api) -> None:
    start(api, bounds=NOWHERE)  # registers the model, which a process does once
    short = "mutation ($b: BoundsInput!) { classifyArea(bounds: $b) { id status } }"
    with api.statements() as seen:
        job = api.data(short, b=BOUNDS)["classifyArea"]
    # Any tile there, the job, which ones to forget, its entry in the queue, how many.
    assert len(seen) == 5, seen
    with api.statements() as seen:
        api.data(JOB, id=job["id"])
    assert len(seen) == 1
    with api.statements() as seen:
        api.data("{ jobs { nodes { id model { name } } } }")
    assert len(seen) == 2


UNKNOWN = "Sm9iOjk5"  # Job:99
TILE = "VGlsZTox"  # Tile:1


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({}, "BAD_USER_INPUT", "no area is given: give bounds or a polygon"),
        ({"bounds": BOUNDS, "polygon": {"type": "Polygon"}}, "BAD_USER_INPUT", "not both"),
        ({"polygon": {"type": "Point"}}, "BAD_USER_INPUT", "Polygon or MultiPolygon"),
        ({"bounds": {**BOUNDS, "south": 80}}, "BAD_USER_INPUT", "south"),
        ({"bounds": BOUNDS, "zoom": 99}, "BAD_USER_INPUT", "zoom"),
        ({"bounds": BOUNDS, "scene": "moon"}, "BAD_USER_INPUT", "no scene is named 'moon'"),
        ({"bounds": BOUNDS, "scene": "m\0n"}, "BAD_USER_INPUT", "no scene"),
        ({"bounds": BOUNDS, "model": "nobody 7"}, "NOT_FOUND", "nobody 7"),
    ],
)
def test_a_job_that_cannot_start_is_an_error(
    api: Api, variables: dict[str, Any], code: str, said: str
) -> None:
    answer = api.ask(START, **variables)
    [error] = answer["errors"]
    assert answer["data"] == {"classifyArea": None}
    assert error["extensions"]["code"] == code
    assert said in error["message"]
    assert api.data("{ jobs { totalCount } }") == {"jobs": {"totalCount": 0}}


def test_only_the_model_that_is_served_can_classify(api: Api) -> None:
    with api.engine.begin() as conn:
        conn.exec_driver_sql(
            "INSERT INTO model (name, version, labels, thresholds, sha256) "
            "VALUES ('other', '3', '{a}', '{0.5}', 'x')"
        )
    [error] = api.ask(START, bounds=BOUNDS, model="other 3")["errors"]
    assert error["extensions"]["code"] == "MODEL_UNAVAILABLE"
    assert "this server runs pixel 1" in error["message"]
    assert start(api, bounds=BOUNDS, model="pixel 1")["status"] == "QUEUED"


def test_ids_that_are_none(api: Api) -> None:
    assert api.data(JOB, id=UNKNOWN) == {"job": None}
    assert api.codes(CANCEL, id=UNKNOWN) == ["NOT_FOUND"]
    for query in (JOB, CANCEL):
        assert api.codes(query, id=TILE) == ["BAD_USER_INPUT"]
        assert api.codes(query, id="nonsense") == ["BAD_USER_INPUT"]


def test_mutations_over_get_are_refused(api: Api) -> None:
    response = api.client.get(
        "/graphql", query_string={"query": "mutation { cancelJob(id: 1) { id } }"}
    )
    assert response.status_code in (400, 405)
    assert "mutation" in response.get_json()["errors"][0]["message"]
    assert api.data("{ jobs { totalCount } }") == {"jobs": {"totalCount": 0}}


def test_a_database_that_is_away(job_scene: JobScene) -> None:
    gone = engine_on(job_scene.engine.url.set(database="none"))
    away = make_api(gone)
    assert away.codes(JOB, id=UNKNOWN) == ["DATABASE_UNAVAILABLE"]
    assert away.codes(CANCEL, id=UNKNOWN) == ["DATABASE_UNAVAILABLE"]
    assert away.codes(START, bounds=BOUNDS) == ["DATABASE_UNAVAILABLE"]
    gone.dispose()
