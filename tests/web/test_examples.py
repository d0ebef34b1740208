"""``/examples.json``: queries that work for whatever is ingested."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.api_client import SCENE, Api, ingest, make_api, write_raster
from support.pixel_classifier import PIXEL_IDENTITY
from support.stored_scores import score

from earthgql.imagery.grid import TileIndex
from earthgql.models.protocol import ModelIdentity
from earthgql.web import operations


def test_examples_have_answers(api: Api) -> None:
    answer = api.client.get("/examples.json").get_json()
    assert answer["scene"] == SCENE
    point, view, overview = (api.data(e["query"], **e["variables"]) for e in answer["examples"])
    assert len(point["classifyPoint"]["scores"]) > 0
    assert 4 <= len(view["tilesInBounds"]["nodes"]) <= 25
    assert overview["scenes"]["nodes"][0]["name"] == SCENE


def test_without_imagery_one_example_is_left(fresh_engine: Engine) -> None:
    api = make_api(fresh_engine)
    answer = api.client.get("/examples.json").get_json()
    assert answer["scene"] is None
    chapters = {c["title"]: [e["title"] for e in c["examples"]] for c in answer["collection"]}
    assert chapters["Explorer"] == [operations.operation("WhatIsIngested").title]
    assert chapters["Map front-end"] == []
    [example] = answer["examples"]
    assert api.data(example["query"]) == {"scenes": {"nodes": []}, "models": {"nodes": []}}


@pytest.mark.parametrize(
    ("place", "columns", "rows"),
    [
        (TileIndex(12, 0, 1500), 2, 2),
        (TileIndex(12, 4094, 1500), 2, 2),
        (TileIndex(3, 0, 0), 8, 8),
        (TileIndex(0, 0, 0), 1, 1),
        (TileIndex(15, 17000, 12000), 1, 1),
    ],
    ids=str,
)
def test_anywhere(
    fresh_engine: Engine, tmp_path: Path, place: TileIndex, columns: int, rows: int
) -> None:
    ingest(fresh_engine, write_raster(tmp_path / "a.tif", place, columns, rows), "a")
    api = make_api(fresh_engine)
    for example in api.client.get("/examples.json?scene=a").get_json()["examples"]:
        data = api.data(example["query"], **example["variables"])
        assert data.get("classifyPoint", True) is not None
        assert data.get("tilesInBounds", {"nodes": [1]})["nodes"]
    # Now that a model is known, and another, all of the collection can be asked, and is answered
    # everywhere.
    score(fresh_engine, {}, replace(PIXEL_IDENTITY, version="0", sha256="0" * 64))
    chapters = api.client.get("/examples.json?scene=a").get_json()["collection"]
    collection = [example for chapter in chapters for example in chapter["examples"]]
    assert len(collection) == sum(len(kind.operations) for kind in operations.kinds())
    for example in sorted(collection, key=lambda e: e["title"] == "Cancel a job."):
        api.data(example["query"], **example["variables"])


def test_the_label_of_the_examples_is_one_of_the_model(fresh_api: Api) -> None:
    def labels() -> set[str]:
        chapters = fresh_api.client.get("/examples.json").get_json()["collection"]
        asked = [e["variables"] for chapter in chapters for e in chapter["examples"]]
        return {variables["label"] for variables in asked if "label" in variables}

    assert labels() == set()
    score(fresh_api.engine, {})
    assert labels() == {"slash_burn"}
    score(fresh_api.engine, {}, ModelIdentity("lakes", "1", ("wet", "dry"), (0.5, 0.5), "0" * 64))
    assert labels() == {"wet"}


def test_a_model_is_compared_with_another_or_none(fresh_api: Api) -> None:
    def compared() -> list[tuple[str, str]]:
        chapters = fresh_api.client.get("/examples.json").get_json()["collection"]
        asked = [e["variables"] for chapter in chapters for e in chapter["examples"]]
        return [(variables["a"], variables["b"]) for variables in asked if "a" in variables]

    score(fresh_api.engine, {})
    assert compared() == []
    for version in ("2", "3"):
        score(fresh_api.engine, {}, replace(PIXEL_IDENTITY, version=version, sha256=version * 64))
    assert compared() == [("pixel 2", "pixel 3")]


def test_a_scene_by_name(api: Api) -> None:
    assert api.client.get(f"/examples.json?scene={SCENE}").get_json()["scene"] == SCENE
    response = api.client.get("/examples.json?scene=none")
    assert response.status_code == 404
    [error] = response.get_json()["errors"]
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["message"] == "no scene is named 'none'"
    assert api.client.get("/examples.json?scene=%00").status_code == 200
