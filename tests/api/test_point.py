"""``classifyPoint``: what is at a place."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rasterio
from rasterio.windows import Window
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, SCENE, ZOOM, Api, centre, ingest, make_api, write_raster
from support.pixel_classifier import PIXEL_IDENTITY, PixelClassifier, pixel_scores

from earthgql.imagery.grid import TileIndex

QUERY = """
query ($lat: Float!, $lon: Float!, $cutoff: Float, $scene: String, $zoom: Int, $at: DateTime) {
  classifyPoint(lat: $lat, lon: $lon, cutoff: $cutoff, scene: $scene, zoom: $zoom, at: $at) {
    labels
    scores { label score }
    computedAt
    model { name version labels thresholds }
    tile { z x y scene { name } }
  }
}
"""
LAT, LON = centre(TileIndex(ZOOM, NORTH_WEST.x + 3, NORTH_WEST.y + 4))


def expected_scores(raster: Path, tile: TileIndex) -> dict[str, float]:
    """All labels with the scores that the classifier gives the tile's pixels."""
    column, row = tile.x - NORTH_WEST.x, tile.y - NORTH_WEST.y
    with rasterio.open(raster) as dataset:
        pixels = dataset.read(window=Window(column * 256, row * 256, 256, 256)).transpose(1, 2, 0)
    scores = pixel_scores(pixels[None])[0]
    return {
        label: round(float(s), 6) for label, s in zip(PIXEL_IDENTITY.labels, scores, strict=True)
    }


def test_answers_the_tile_at_the_place(api: Api, raster: Path) -> None:
    before = datetime.now(UTC)
    answer = api.data(QUERY, lat=LAT, lon=LON, cutoff=0)["classifyPoint"]
    tile = TileIndex(ZOOM, NORTH_WEST.x + 3, NORTH_WEST.y + 4)
    assert answer["tile"] == {"z": 14, "x": tile.x, "y": tile.y, "scene": {"name": SCENE}}
    assert answer["model"] == {
        "name": "pixel",
        "version": "1",
        "labels": list(PIXEL_IDENTITY.labels),
        "thresholds": [0.5] * 17,
    }
    wanted = expected_scores(raster, tile)
    assert {s["label"]: s["score"] for s in answer["scores"]} == pytest.approx(wanted, abs=2e-6)
    shown = [s["score"] for s in answer["scores"]]
    assert shown == sorted(shown, reverse=True)
    assert answer["labels"] == [s["label"] for s in answer["scores"]]
    assert before.replace(microsecond=0) <= datetime.fromisoformat(answer["computedAt"])


def test_longitudes_are_wrapped(api: Api) -> None:
    here = api.data(QUERY, lat=LAT, lon=LON)["classifyPoint"]
    assert here["tile"]["x"] == NORTH_WEST.x + 3
    assert api.data(QUERY, lat=LAT, lon=LON + 360)["classifyPoint"] == here
    assert api.data(QUERY, lat=LAT, lon=LON - 360)["classifyPoint"] == here


def test_cutoff_chooses_labels_and_defaults_to_the_thresholds(api: Api, raster: Path) -> None:
    wanted = expected_scores(raster, TileIndex(ZOOM, NORTH_WEST.x + 3, NORTH_WEST.y + 4))
    at_half = {label for label, score in wanted.items() if score >= 0.5}
    assert 0 < len(at_half) < 17
    assert set(api.data(QUERY, lat=LAT, lon=LON)["classifyPoint"]["labels"]) == at_half
    at_08 = {label for label, score in wanted.items() if score >= 0.8}
    answer = api.data(QUERY, lat=LAT, lon=LON, cutoff=0.8)["classifyPoint"]
    assert set(answer["labels"]) == at_08
    assert {s["label"] for s in answer["scores"]} == at_08


def test_cutoff_reached_exactly_counts_cold_and_warm(fresh_api: Api) -> None:
    first = fresh_api.data(QUERY, lat=LAT, lon=LON, cutoff=0)["classifyPoint"]["scores"]
    for label, score in ((s["label"], s["score"]) for s in first):
        warm = fresh_api.data(QUERY, lat=LAT, lon=LON, cutoff=score)["classifyPoint"]
        assert label in warm["labels"]


def test_top_limits_the_scores(api: Api) -> None:
    query = """query ($lat: Float!, $lon: Float!, $top: Int) {
      classifyPoint(lat: $lat, lon: $lon, cutoff: 0) {
        all: scores { score } scores(top: $top) { score }
      } }"""
    answer = api.data(query, lat=LAT, lon=LON, top=3)["classifyPoint"]
    assert answer["scores"] == answer["all"][:3]
    assert api.data(query, lat=LAT, lon=LON, top=0)["classifyPoint"]["scores"] == []
    assert api.codes(query, lat=LAT, lon=LON, top=-1) == ["BAD_USER_INPUT"]


def test_no_tile_is_null_and_no_error(api: Api) -> None:
    assert api.data(QUERY, lat=LAT + 20, lon=LON) == {"classifyPoint": None}
    assert api.data(QUERY, lat=90, lon=180) == {"classifyPoint": None}
    assert api.data(QUERY, lat=LAT, lon=LON, zoom=3) == {"classifyPoint": None}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"lat": 91}, "lat"),
        ({"lat": -90.01}, "lat"),
        ({"lon": 540.5}, "lon must be between -540 and 540"),
        ({"lon": -541}, "lon"),
        ({"lat": None}, "lat"),
        ({"lat": "47"}, "lat"),
        ({"lat": 10**400}, "lat"),
        ({"cutoff": 2}, "cutoff"),
        ({"cutoff": -0.1}, "cutoff"),
        ({"scene": "no such scene"}, "no such scene"),
        ({"scene": "a\0b"}, "scene"),
        ({"scene": "\ud800"}, "scene"),
        ({"zoom": -1}, "zoom"),
        ({"zoom": 99}, "zoom"),
        ({"zoom": 2**40}, "zoom"),
        ({"at": "yesterday"}, "at"),
        ({"at": 5}, "at"),
    ],
    ids=str,
)
def test_wrong_arguments(api: Api, wrong: dict[str, Any], named: str) -> None:
    answer = api.ask(QUERY, **({"lat": LAT, "lon": LON} | wrong))
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert named in error["message"]


@pytest.mark.parametrize("at", ["2017", "20170811", "2017-W32", "yesterday"])
def test_times_that_are_none(api: Api, at: str) -> None:
    (error,) = api.ask(QUERY, lat=LAT, lon=LON, at=at)["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "a time is written as 2024-08-01T12:00:00Z" in error["message"]


def test_numbers_that_are_none(api: Api) -> None:
    query = "query ($lat: Float!) { classifyPoint(lat: $lat, lon: 1) { labels } }"
    body = '{"query": "%s", "variables": {"lat": %s}}'
    for number, status, code in (
        ("NaN", 400, "BAD_REQUEST"),
        ("Infinity", 400, "BAD_REQUEST"),
        ("-Infinity", 400, "BAD_REQUEST"),
        ("1e999", 200, "BAD_USER_INPUT"),
    ):
        text = body % (query, number)
        response = api.client.post("/graphql", data=text, content_type="application/json")
        assert response.status_code == status
        assert response.get_json()["errors"][0]["extensions"]["code"] == code
    assert api.codes("{ classifyPoint(lat: 1e999, lon: 1) { labels } }") == ["BAD_USER_INPUT"]
    for at in ('"yesterday"', '""', '"2020-02-30"', "5"):
        query = f"{{ classifyPoint(lat: 1, lon: 1, at: {at}) {{ labels }} }}"
        assert api.codes(query) == ["BAD_USER_INPUT"]
    assert api.codes("{ classifyPoint(lat: null, lon: 1) { labels } }") == [
        "GRAPHQL_VALIDATION_FAILED"
    ]


def test_an_error_of_one_field_leaves_the_others(api: Api) -> None:
    answer = api.ask(
        """query ($lat: Float!, $lon: Float!) {
          good: classifyPoint(lat: $lat, lon: $lon) { labels }
          far: classifyPoint(lat: 91, lon: $lon) { labels }
          unknown: classifyPoint(lat: $lat, lon: $lon, scene: "none") { labels }
        }""",
        lat=LAT,
        lon=LON,
    )
    assert answer["data"]["good"]["labels"]
    assert answer["data"]["far"] is None
    assert answer["data"]["unknown"] is None
    assert sorted(error["path"] for error in answer["errors"]) == [["far"], ["unknown"]]


@pytest.fixture(scope="module")
def overlapping(module_engine: Engine, api: Api, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """Three dates of one place, away from the other scene, one of them a zoom deeper."""
    folder = tmp_path_factory.mktemp("dates")
    place = TileIndex(ZOOM, 9000, 6000)
    for year, zoom in ((2021, 14), (2022, 15), (2023, 14)):
        shift = zoom - ZOOM
        corner = TileIndex(zoom, place.x << shift, place.y << shift)
        path = write_raster(folder / f"{year}.tif", corner, 2 << shift, 2 << shift, seed=year)
        ingest(module_engine, path, f"y{year}", acquired_at=datetime(year, 6, 1, tzinfo=UTC))
    return api


@pytest.mark.parametrize(
    ("choice", "scene"),
    [
        ({}, "y2023"),
        ({"scene": "y2021"}, "y2021"),
        ({"zoom": 15}, "y2022"),
        ({"at": "2022-12-31T00:00:00Z"}, "y2022"),
        ({"at": "2021-12-31"}, "y2021"),
        ({"at": "2021-06-01T00:00:00"}, "y2021"),
        ({"at": "2021-05-31T23:00:00+00:00"}, None),
        ({"at": "2022-12-31T00:00:00Z", "zoom": 14}, "y2021"),
    ],
    ids=str,
)
def test_chooses_among_dates(overlapping: Api, choice: dict[str, Any], scene: str | None) -> None:
    lat, lon = centre(TileIndex(ZOOM + 2, 9000 * 4 + 1, 6000 * 4 + 1))
    answer = overlapping.data(QUERY, lat=lat, lon=lon, **choice)["classifyPoint"]
    assert (answer and answer["tile"]["scene"]["name"]) == scene


def test_thresholds_of_the_bundle_are_the_default(fresh_engine: Engine, raster: Path) -> None:
    wanted = expected_scores(raster, TileIndex(ZOOM, NORTH_WEST.x + 3, NORTH_WEST.y + 4))
    # Just below and just above each score, in turns: every other label is to be named.
    thresholds = tuple(
        min(max(score + (0.01 if i % 2 else -0.01), 0), 1)
        for i, score in enumerate(wanted.values())
    )
    identity = replace(PIXEL_IDENTITY, thresholds=thresholds)
    ingest(fresh_engine, raster, SCENE)
    api = make_api(fresh_engine, PixelClassifier(identity=identity))
    answer = api.data(QUERY, lat=LAT, lon=LON)["classifyPoint"]
    assert set(answer["labels"]) == set(PIXEL_IDENTITY.labels[::2])
    assert answer["model"]["thresholds"] == pytest.approx(thresholds, abs=1e-6)
