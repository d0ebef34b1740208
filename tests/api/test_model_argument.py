"""``model:`` everywhere, ``model(version)``, and cutoffs per label."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.api_client import NORTH_WEST, WHOLE_SCENE, Api, centre, viewport
from support.pixel_classifier import PIXEL_IDENTITY
from support.stored_scores import score, tile_ids

from earthgql.app import create_app
from earthgql.errors import ModelUnavailableError
from earthgql.models.protocol import Classifier, ModelIdentity
from earthgql.settings import Settings

OLD = ModelIdentity("older", "7", ("lake", "road"), (0.5, 0.25), "older 7")
TWIN = replace(PIXEL_IDENTITY, version="2", sha256="2")
LAT, LON = centre(NORTH_WEST)
POINT = """query (
  $lat: Float!, $lon: Float!, $model: String, $cutoff: Float, $cutoffs: [LabelCutoff!]
) {
  classifyPoint(lat: $lat, lon: $lon, model: $model, cutoff: $cutoff, cutoffs: $cutoffs) {
    model { name version } labels scores { label score cutoff margin } } }"""
NODES = """query ($bounds: BoundsInput, $model: String, $cutoff: Float, $cutoffs: [LabelCutoff!]) {
  tilesInBounds(bounds: $bounds) {
    nodes { classification(model: $model, cutoff: $cutoff, cutoffs: $cutoffs) {
      model { version } scores { label score cutoff margin } } } } }"""


@pytest.fixture(scope="module")
def place(api: Api) -> Iterator[Api]:
    """The scene of 100 tiles; another model has classified all of them but the last."""
    tiles = tile_ids(api.engine)
    score(api.engine, {tile: {"lake": 0.75, "road": 0.5} for tile in tiles[:-1]}, OLD)
    score(api.engine, {}, TWIN)
    return api


def point(api: Api, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] = api.data(POINT, lat=LAT, lon=LON, **arguments)["classifyPoint"]
    return answer


@pytest.mark.parametrize("model", ["older 7", "7", "older"])
def test_another_model_answers_from_what_is_kept(place: Api, model: str) -> None:
    place.classifier.submissions.clear()
    assert point(place, model=model) == {
        "model": {"name": "older", "version": "7"},
        "labels": ["lake", "road"],
        "scores": [
            {"label": "lake", "score": 0.75, "cutoff": 0.5, "margin": 0.25},
            {"label": "road", "score": 0.5, "cutoff": 0.25, "margin": 0.25},
        ],
    }
    assert place.classifier.submissions == []


def test_the_model_that_is_run_here_by_name(place: Api) -> None:
    assert point(place, model="pixel 1") == point(place)
    assert point(place, model="1") == point(place)


def test_a_tile_that_the_other_model_does_not_know_is_null_with_an_error(place: Api) -> None:
    answer = place.ask(NODES, bounds=WHOLE_SCENE, model="older 7")
    nodes = answer["data"]["tilesInBounds"]["nodes"]
    assert [node["classification"] is None for node in nodes] == [False] * 99 + [True]
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "MODEL_UNAVAILABLE"
    assert error["path"] == ["tilesInBounds", "nodes", 99, "classification"]
    assert "model older 7 has not classified this tile" in error["message"]


def test_columns_of_another_model(place: Api) -> None:
    place.classifier.submissions.clear()
    view = place.data(
        'query ($b: BoundsInput) { viewport(bounds: $b, model: "7") { labels tilesClassified'
        " model { version } errors { code rows } } }",
        b=WHOLE_SCENE,
    )["viewport"]
    assert view == {
        "labels": ["lake", "road"],
        "tilesClassified": 99,
        "model": {"version": "7"},
        "errors": [{"code": "MODEL_UNAVAILABLE", "rows": [99]}],
    }
    assert place.classifier.submissions == []


def test_conditions_and_orders_are_about_the_model_s_labels(place: Api) -> None:
    query = """query ($where: TileWhere, $order: TileOrder, $model: String) {
      tilesInBounds(where: $where, orderBy: $order, model: $model) { totalCount } }"""
    lake = {"labels": {"all": [{"label": "lake"}]}}
    found = place.data(query, where=lake, order={"label": "lake"}, model="older")
    assert found["tilesInBounds"]["totalCount"] == 99
    found = place.data(query, where={"classified": False}, model="7")
    assert found["tilesInBounds"]["totalCount"] == 1
    [error] = place.ask(query, where=lake)["errors"]
    assert "model pixel 1 has no label 'lake'" in error["message"]
    [error] = place.ask(query, where=None, order={"label": "water"}, model="7")["errors"]
    assert "model older 7 has no label 'water'; the nearest is 'lake'" in error["message"]


def test_unknown_and_ambiguous_models(place: Api) -> None:
    for query, variables in (
        (POINT, {"lat": LAT, "lon": LON}),
        (POINT, {"lat": -LAT, "lon": LON}),
        ("query ($model: String) { viewport(model: $model) { ids } }", {}),
        ("query ($model: String) { tilesInBounds(model: $model) { totalCount } }", {}),
    ):
        [error] = place.ask(query, **variables, model="odler 7")["errors"]
        assert error["extensions"]["code"] == "NOT_FOUND"
        assert error["message"] == "there is no model 'odler 7'; the nearest is 'older 7'"
        [error] = place.ask(query, **variables, model="older 7" * 20)["errors"]
        assert error["message"].startswith(
            f"there is no model {('older 7' * 20)[:57] + '...'!r}; the nearest is "
        )
        [error] = place.ask(query, **variables, model="pixel")["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"] == (
            "'pixel' could be any of 'pixel 1', 'pixel 2': name one of them"
        )


def test_one_model_by_version(place: Api) -> None:
    query = "query ($version: String!) { model(version: $version) { name version labels } }"
    for version in ("7", "older 7"):
        assert place.data(query, version=version)["model"] == {
            "name": "older",
            "version": "7",
            "labels": ["lake", "road"],
        }
    assert place.data(query, version="8")["model"] is None
    assert place.codes(query, version="pixel") == ["BAD_USER_INPUT"]
    assert place.data("{ model { version } }")["model"] == {"version": "1"}


def test_statements(place: Api) -> None:
    bounds = viewport(NORTH_WEST, 4, 4)
    place.data(NODES, bounds=bounds)
    counts = {}
    for name, arguments in (
        ("own", {}),
        ("own, cutoffs", {"cutoff": 0.1, "cutoffs": [{"label": "road", "cutoff": 0}]}),
        ("own by name", {"model": "1"}),
        ("other", {"model": "7"}),
    ):
        with place.statements() as seen:
            place.data(NODES, bounds=bounds, **arguments)
        counts[name] = len(seen)
    # The model of a name takes one more.
    assert counts == {"own": 2, "own, cutoffs": 2, "own by name": 3, "other": 3}


def test_cutoffs(place: Api) -> None:
    every = {s["label"]: s["score"] for s in point(place, cutoff=0)["scores"]}
    assert set(every) == set(PIXEL_IDENTITY.labels)
    middle = sorted(every.values())[8]
    own = {label: score / 2 for label, score in list(every.items())[:3]}
    given = {
        "cutoff": middle,
        "cutoffs": [{"label": label, "cutoff": cutoff} for label, cutoff in own.items()],
    }
    place.classifier.submissions.clear()
    answer = point(place, **given)
    expected = {
        label: own.get(label, middle)
        for label, score in every.items()
        if score >= own.get(label, middle)
    }
    assert {s["label"]: s["cutoff"] for s in answer["scores"]} == expected
    for found in answer["scores"]:
        assert found["score"] == every[found["label"]]
        assert found["margin"] == round(found["score"] - found["cutoff"], 10)
    assert answer["labels"] == [s["label"] for s in answer["scores"]]
    assert [s["score"] for s in answer["scores"]] == sorted(
        (s["score"] for s in answer["scores"]), reverse=True
    )
    thresholds = point(place, cutoffs=given["cutoffs"])["scores"]
    assert {s["label"]: s["cutoff"] for s in thresholds} == {
        label: own.get(label, 0.5) for label, score in every.items() if score >= own.get(label, 0.5)
    }
    assert place.classifier.submissions == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"cutoff": 1.5}, "cutoff must be between 0 and 1, not 1.5"),
    ({"cutoffs": [{"label": "road", "cutoff": -0.5}]}, "cutoff of road must be between 0 and 1"),
    (
        {"cutoffs": [{"label": "raod", "cutoff": 0.5}]},
        "model pixel 1 has no label 'raod'; the nearest is 'road'",
    ),
    (
        {"cutoffs": [{"label": "road", "cutoff": 0.5}, {"label": "road", "cutoff": 0.6}]},
        "cutoffs gives 'road' twice",
    ),
    ({"cutoffs": [{"label": "road", "cutoff": 0.5}], "model": "7", "cutoff": 2}, "not 2"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=str)
def test_wrong_cutoffs(place: Api, arguments: dict[str, Any], message: str) -> None:
    answers = [
        place.ask(POINT, lat=LAT, lon=LON, **arguments),
        place.ask(POINT, lat=-LAT, lon=LON, **arguments),
        place.ask(NODES, bounds=viewport(NORTH_WEST, 1, 1), **arguments),
    ]
    for answer in answers:
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert message in error["message"]


def test_models_of_the_past_without_one_of_the_present(fresh_api: Api) -> None:
    tiles = tile_ids(fresh_api.engine)
    score(fresh_api.engine, {tile: {"lake": 0.75} for tile in tiles}, OLD)

    def none() -> Classifier:
        raise ModelUnavailableError("there is no bundle")

    app = create_app(Settings(), engine=fresh_api.engine, load_classifier=none)
    api = Api(app, fresh_api.engine, fresh_api.classifier)
    assert point(api, model="older")["labels"] == ["lake"]
    assert api.codes(POINT, lat=LAT, lon=LON) == ["MODEL_UNAVAILABLE"]
