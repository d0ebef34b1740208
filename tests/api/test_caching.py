"""Answers to GET that may be kept, and how long an answer took, told on request."""

from dataclasses import replace
from typing import Any

import pytest
from support.api_client import NORTH_WEST, SCENE, WHOLE_SCENE, Api, centre, make_api
from support.pixel_classifier import PIXEL_IDENTITY, GatedClassifier
from support.stored_scores import score, tile_ids

LAT, LON = centre(NORTH_WEST)
POINT = f"{{ classifyPoint(lat: {LAT}, lon: {LON}) {{ labels computedAt }} }}"
BOX = ", ".join(f"{edge}: {value}" for edge, value in WHOLE_SCENE.items())
VIEWPORT = f"{{ viewport(bounds: {{{BOX}}}) {{ ids scores }} }}"
STORED = f"{{ viewport(bounds: {{{BOX}}}, infer: false) {{ ids scores }} }}"
TILES = f"{{ tilesInBounds(bounds: {{{BOX}}}) {{ nodes {{ classification {{ labels }} }} }} }}"
GRAPHQL_JSON = "application/graphql-response+json"


def get(api: Api, query: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.client.get("/graphql", query_string={"query": query}, headers=named)


@pytest.mark.parametrize("query", [POINT, VIEWPORT, TILES])
def test_answers_of_stored_scores_may_be_cached_and_revalidated(fresh_api: Api, query: str) -> None:
    cold = get(fresh_api, query)
    assert cold.status_code == 200
    assert cold.headers["Cache-Control"] == "no-store"
    assert "ETag" not in cold.headers
    warm = get(fresh_api, query)
    assert warm.get_json() == cold.get_json()
    assert warm.headers["Cache-Control"] == "public, must-revalidate, max-age=0"
    assert {"Accept", "Origin"} <= {name.strip() for name in warm.headers["Vary"].split(",")}
    etag = warm.headers["ETag"]
    again = get(fresh_api, query, If_None_Match=etag)
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert again.headers["Cache-Control"] == "public, must-revalidate, max-age=0"
    assert "Accept" in again.headers["Vary"]
    other = get(fresh_api, query, If_None_Match='"other"')
    assert (other.status_code, other.data) == (200, warm.data)
    typed = get(fresh_api, query, If_None_Match=etag, Accept=GRAPHQL_JSON)
    assert (typed.status_code, typed.mimetype) == (200, GRAPHQL_JSON)
    assert typed.headers["ETag"] != etag


def test_another_answer_has_another_name(fresh_api: Api) -> None:
    get(fresh_api, POINT)
    etag = get(fresh_api, POINT).headers["ETag"]
    with fresh_api.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE tile_score SET scores[1] = 0.75, scores[2] = 0.25")
    changed = get(fresh_api, POINT, If_None_Match=etag)
    assert changed.status_code == 200
    assert changed.headers["ETag"] != etag


def test_for_how_long_is_a_setting(fresh_api: Api) -> None:
    api = make_api(fresh_api.engine, cache_seconds=60)
    response = get(api, STORED)
    assert response.headers["Cache-Control"] == "public, must-revalidate, max-age=60"


def test_what_may_not_be_kept(fresh_api: Api) -> None:
    get(fresh_api, POINT)
    for query in (
        "{ classifyPoint(lat: 91, lon: 0) { labels } }",
        f'{POINT[:-1]} tile(id: "x") {{ id }} }}',
        "{ nothing }",
        "{",
        '{ node(id: "x") { ... on Job { id } } }',
    ):
        response = get(fresh_api, query)
        assert response.headers["Cache-Control"] == "no-store", query
        assert "ETag" not in response.headers
    posted = fresh_api.client.post("/graphql", json={"query": POINT})
    assert "ETag" not in posted.headers
    assert "Cache-Control" not in posted.headers


def test_answers_about_jobs_may_not_be_cached_under_any_alias(fresh_api: Api) -> None:
    fields = f"bounds: {{{BOX}}}"
    start = fresh_api.data(f"mutation {{ classifyArea({fields}) {{ id }} }}")
    row = start["classifyArea"]["id"]
    for query in (
        f'{{ node(id: "{row}") {{ id }} }}',
        f'{{ a: job(id: "{row}") {{ id }} }}',
        "{ jobs { totalCount } }",
        '{ job(id: "Sm9iOjk5") { id } }',
    ):
        response = get(fresh_api, query)
        assert "errors" not in response.get_json()
        assert response.headers["Cache-Control"] == "no-store", query
    # The word alone is no job.
    kept = get(fresh_api, "{ job: scenes { nodes { name } } }")
    assert kept.headers["Cache-Control"] == "public, must-revalidate, max-age=0"


def test_a_viewport_that_lacks_scores_of_another_model_is_not_kept(fresh_api: Api) -> None:
    tiles = tile_ids(fresh_api.engine)
    other = replace(PIXEL_IDENTITY, version="0", sha256="0" * 64)
    model = score(fresh_api.engine, {tile: {"road": 0.5} for tile in tiles[1:]}, other)
    query = f'{{ viewport(bounds: {{{BOX}}}, model: "pixel 0") {{ scores errors {{ rows }} }} }}'
    lacking = get(fresh_api, query)
    assert lacking.get_json()["data"]["viewport"]["errors"] == [{"rows": [0]}]
    assert lacking.headers["Cache-Control"] == "no-store"
    assert "ETag" not in lacking.headers
    assert score(fresh_api.engine, {tiles[0]: {"road": 0.5}}, other) == model
    whole = get(fresh_api, query)
    assert whole.get_json()["data"]["viewport"]["errors"] == []
    assert whole.headers["Cache-Control"] == "public, must-revalidate, max-age=0"


def test_an_answer_that_took_too_long_is_not_kept(fresh_api: Api) -> None:
    gated = GatedClassifier()
    api = make_api(fresh_api.engine, gated, inference_deadline=0.3)
    response = get(api, VIEWPORT)
    gated.let()
    assert response.headers["Cache-Control"] == "no-store"


def ask_timed(api: Api, query: str) -> tuple[dict[str, Any], dict[str, Any]]:
    response = api.client.post("/graphql", json={"query": query, "extensions": {"timing": True}})
    answer = response.get_json()
    return answer["data"], answer["extensions"]["timing"]


def test_timing_on_request(fresh_api: Api) -> None:
    named = f"scenes {{ nodes {{ name tileCount }} }} tilesInBounds(bounds: {{{BOX}}}, first: 7)"
    query = f"{{ {named} {{ nodes {{ classification {{ labels }} }} }} }}"
    cold, first = ask_timed(fresh_api, query)
    warm, second = ask_timed(fresh_api, query)
    assert cold == warm == fresh_api.data(query)
    assert cold["scenes"]["nodes"] == [{"name": SCENE, "tileCount": 100}]
    assert list(first) == [
        "totalMs",
        "parseMs",
        "databaseMs",
        "databaseReads",
        "scoresMs",
        "tilesScored",
        "tilesInferred",
    ]
    for timing, inferred in ((first, 7), (second, 0)):
        assert timing["databaseReads"] == 3
        assert (timing["tilesScored"], timing["tilesInferred"]) == (7, inferred)
        parts = timing["parseMs"] + timing["databaseMs"] + timing["scoresMs"]
        assert 0 < timing["databaseMs"] < parts <= timing["totalMs"]


def test_timing_only_on_request(fresh_api: Api) -> None:
    for extensions in (None, {}, {"timing": False}, {"timing": "yes"}, {"other": True}):
        body = {"query": "{ __typename }", "extensions": extensions}
        answer = fresh_api.client.post("/graphql", json=body).get_json()
        assert answer == {"data": {"__typename": "Query"}}


def test_timing_of_what_fails_and_of_get(fresh_api: Api) -> None:
    for query in ("{ nothing }", "{", "{ classifyPoint(lat: 91, lon: 0) { labels } }"):
        body = {"query": query, "extensions": {"timing": True}}
        answer = fresh_api.client.post("/graphql", json=body).get_json()
        assert answer["errors"]
        assert answer["extensions"]["timing"]["tilesScored"] == 0
    got = fresh_api.client.get(
        "/graphql", query_string={"query": "{ __typename }", "extensions": '{"timing": true}'}
    )
    assert got.get_json()["extensions"]["timing"]["databaseReads"] == 0
    assert got.headers["Cache-Control"] == "no-store"
