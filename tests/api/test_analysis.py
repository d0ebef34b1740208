"""Sums over areas, changes and comparisons, as clients ask for them."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import Engine
from support.api_client import Api, make_api
from support.catalog_rows import add_model, add_scene, add_scores, children

from earthgql.api import ids
from earthgql.catalog.analysis import work_estimate
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.models.labels import PLANET_LABELS

CELL = TileIndex(10, 300, 400)
TILES = children(CELL)
WEST, SOUTH, EAST, NORTH = grid.tile_bounds(CELL)
BOUNDS = {"west": WEST, "south": SOUTH, "east": EAST, "north": NORTH}
RING = [[WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH], [WEST, NORTH], [WEST, SOUTH]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}
KM2 = [grid.area_m2(tile) / 1e6 for tile in TILES]
FOREST, WATER = PLANET_LABELS.index("primary"), PLANET_LABELS.index("water")


def row(forest: float, water: float = 0.0) -> list[float]:
    scores = [0.0] * len(PLANET_LABELS)
    scores[FOREST], scores[WATER] = forest, water
    return scores


@pytest.fixture(scope="module")
def analysed(module_engine: Engine) -> Iterator[Api]:
    """Two dates of four tiles: forest that goes from one and comes to another."""
    api = make_api(module_engine)
    client = api.app.test_client()
    # Registers the model that is served.
    client.post("/graphql", json={"query": "{ viewport(infer: false) { model { id } } }"})
    with module_engine.begin() as conn:
        from earthgql.catalog.models import list_models

        (served,) = list_models(conn)
        old = add_scene(conn, "old", TILES, datetime(2016, 8, 4, tzinfo=UTC))
        new = add_scene(conn, "new", TILES[:3], datetime(2017, 8, 11, tzinfo=UTC))
        scores = dict(zip(old.values(), map(row, (0.9, 0.1, 0.75), (0.6, 0.0, 0.0)), strict=False))
        scores |= dict(zip(new.values(), map(row, (0.25, 0.8), (0.7, 0.0)), strict=False))
        add_scores(conn, served, scores)
        other = add_model(conn, "other", ("water", "primary"), 0.5)
        add_scores(conn, other, {new[TILES[0]]: (0.0, 0.25), new[TILES[1]]: (0.0, 0.2)})
    return api


HISTOGRAM = """query ($bounds: BoundsInput, $polygon: GeoJSON, $where: TileWhere, $at: DateTime,
    $cutoff: Float, $cutoffs: [LabelCutoff!], $model: String) {
  labelHistogram(bounds: $bounds, polygon: $polygon, where: $where, at: $at, cutoff: $cutoff,
                 cutoffs: $cutoffs, model: $model) {
    model { name } tiles tilesClassified areaKm2 coveredKm2 classifiedKm2 classifiedShare
    labels { label cutoff tiles areaKm2 share meanScore }
  }
}"""


def of_labels(histogram: dict[str, Any]) -> dict[str, tuple[int, float, float | None]]:
    return {
        of["label"]: (of["tiles"], of["areaKm2"], of["meanScore"]) for of in histogram["labels"]
    }


def test_histogram(analysed: Api) -> None:
    with analysed.statements() as seen:
        found = analysed.data(HISTOGRAM, bounds=BOUNDS)["labelHistogram"]
    assert len(seen) == 2
    assert found["model"] == {"name": "pixel"}
    assert (found["tiles"], found["tilesClassified"]) == (4, 2)
    assert found["areaKm2"] == pytest.approx(sum(KM2), rel=1e-9)
    assert found["coveredKm2"] == pytest.approx(sum(KM2), rel=1e-9)
    assert found["classifiedKm2"] == pytest.approx(sum(KM2[:2]), rel=1e-9)
    assert found["classifiedShare"] == pytest.approx(sum(KM2[:2]) / sum(KM2), rel=1e-9)
    assert len(found["labels"]) == len(PLANET_LABELS)
    assert {of["cutoff"] for of in found["labels"]} == {0.5}
    first, second = found["labels"][:2]
    assert {first["label"], second["label"]} == {"primary", "water"}
    assert of_labels(found)["primary"] == (1, pytest.approx(KM2[1]), pytest.approx(0.8))
    assert of_labels(found)["water"] == (1, pytest.approx(KM2[0]), pytest.approx(0.7))
    assert of_labels(found)["road"] == (0, 0, None)
    assert first["areaKm2"] >= second["areaKm2"]
    assert first["share"] == pytest.approx(first["areaKm2"] / sum(KM2[:2]))


def test_cutoffs_dates_and_models_of_a_histogram(analysed: Api) -> None:
    low = analysed.data(HISTOGRAM, bounds=BOUNDS, cutoff=0.25)["labelHistogram"]
    assert of_labels(low)["primary"][0] == 2
    own = analysed.data(
        HISTOGRAM, bounds=BOUNDS, cutoff=0.25, cutoffs=[{"label": "primary", "cutoff": 0.81}]
    )["labelHistogram"]
    assert of_labels(own)["primary"][0] == 0
    assert of_labels(own)["water"][0] == 1
    past = analysed.data(HISTOGRAM, bounds=BOUNDS, at="2017-01-01T00:00:00Z")["labelHistogram"]
    assert (past["tilesClassified"], of_labels(past)["primary"][0]) == (3, 2)
    named = analysed.data(HISTOGRAM, bounds=BOUNDS, model="other 1", cutoff=0.2)["labelHistogram"]
    assert of_labels(named) == {
        "primary": (2, pytest.approx(sum(KM2[:2])), pytest.approx(0.225)),
        "water": (0, 0, None),
    }
    with_water = {"labels": {"all": [{"label": "water"}]}}
    some = analysed.data(HISTOGRAM, bounds=BOUNDS, where=with_water)["labelHistogram"]
    assert (some["tiles"], some["coveredKm2"]) == (1, pytest.approx(KM2[0]))
    assert some["areaKm2"] == pytest.approx(sum(KM2))


def test_areas_of_a_histogram(analysed: Api) -> None:
    by_bounds = analysed.data(HISTOGRAM, bounds=BOUNDS)["labelHistogram"]
    ways = (
        {"polygon": POLYGON},
        {"where": {"within": POLYGON}},
        {"bounds": BOUNDS, "where": {"within": POLYGON}},
    )
    for way in ways:
        found = analysed.data(HISTOGRAM, **way)["labelHistogram"]
        assert found["areaKm2"] == pytest.approx(by_bounds["areaKm2"], rel=1e-9)
        assert of_labels(found) == {
            label: (tiles, pytest.approx(size, rel=1e-8), score)
            for label, (tiles, size, score) in of_labels(by_bounds).items()
        }
    world = analysed.data(HISTOGRAM)["labelHistogram"]
    assert world["areaKm2"] == pytest.approx(510_065_621.724, rel=1e-9)
    assert of_labels(world)["primary"] == pytest.approx(of_labels(by_bounds)["primary"], rel=1e-9)


TIMELINE = """query ($interval: TimelineInterval!, $labels: [String!]) {
  labelTimeline(interval: $interval, labels: $labels) {
    interval areaKm2 periods {
      from to tiles tilesClassified coveredKm2 classifiedKm2 classifiedShare
      labels { label tiles areaKm2 }
    }
  }
}"""


def test_timeline(analysed: Api) -> None:
    with analysed.statements() as seen:
        found = analysed.data(TIMELINE, interval="YEAR", labels=["primary"])["labelTimeline"]
    assert len(seen) == 3
    assert found["interval"] == "YEAR"
    first, second = found["periods"]
    assert (first["from"], first["to"]) == (
        "2016-01-01T00:00:00+00:00",
        "2017-01-01T00:00:00+00:00",
    )
    assert (first["tiles"], first["tilesClassified"]) == (4, 3)
    assert (second["tiles"], second["tilesClassified"]) == (3, 2)
    assert first["labels"] == [
        {"label": "primary", "tiles": 2, "areaKm2": pytest.approx(KM2[0] + KM2[2])}
    ]
    assert second["classifiedKm2"] == pytest.approx(KM2[0] + KM2[1])
    whole = analysed.data(TIMELINE, interval="DAY")["labelTimeline"]
    assert [len(period["labels"]) for period in whole["periods"]] == [17, 17]


CHANGES = """query ($label: String!, $from: DateTime!, $to: DateTime!, $cutoff: Float, $first: Int!,
    $where: TileWhere, $model: String) {
  labelChanges(label: $label, from: $from, to: $to, cutoff: $cutoff, first: $first, where: $where,
               model: $model) {
    label cutoff from to comparedKm2 unknownKm2
    appeared { tiles areaKm2 } vanished { tiles areaKm2 } kept { tiles areaKm2 }
    changes { kind scoreBefore scoreAfter areaKm2 before { id z x y scene { name } } after { id } }
  }
}"""
SPAN = {"from": "2017-01-01T00:00:00Z", "to": "2018-01-01T00:00:00Z", "first": 10}


def test_changes(analysed: Api) -> None:
    with analysed.statements() as seen:
        found = analysed.data(CHANGES, label="primary", **SPAN)["labelChanges"]
    assert len(seen) == 4  # the estimate, the changes, their tiles, and the tiles' scenes
    assert (found["label"], found["cutoff"]) == ("primary", 0.5)
    assert found["from"] == "2017-01-01T00:00:00+00:00"
    assert found["appeared"] == {"tiles": 1, "areaKm2": pytest.approx(KM2[1])}
    assert found["vanished"] == {"tiles": 1, "areaKm2": pytest.approx(KM2[0])}
    assert found["kept"] == {"tiles": 0, "areaKm2": 0}
    assert found["comparedKm2"] == pytest.approx(sum(KM2[:2]))
    assert found["unknownKm2"] == pytest.approx(sum(KM2[2:]))
    come, gone = found["changes"]
    assert (come["kind"], come["scoreBefore"], come["scoreAfter"]) == ("APPEARED", 0.1, 0.8)
    assert (gone["kind"], gone["scoreBefore"], gone["scoreAfter"]) == ("VANISHED", 0.9, 0.25)
    z, x, y = TILES[0]
    assert {**gone["before"], "id": ""} == {
        "id": "",
        "z": z,
        "x": x,
        "y": y,
        "scene": {"name": "old"},
    }
    assert gone["before"]["id"] != gone["after"]["id"]
    assert ids.decode(gone["after"]["id"])[0] == "Tile"
    strict = analysed.data(CHANGES, label="primary", cutoff=0.85, **SPAN)["labelChanges"]
    assert [of["kind"] for of in strict["changes"]] == ["VANISHED"]
    none = analysed.data(CHANGES, label="water", **{**SPAN, "first": 0})["labelChanges"]
    assert (none["changes"], none["kept"]["tiles"]) == ([], 1)


COMPARISON = """query ($a: String!, $b: String, $first: Int!) {
  modelComparison(a: $a, b: $b, first: $first) {
    a { name } b { name } areaKm2 comparedKm2 tiles tilesOnlyA tilesOnlyB agreement
    labels { label cutoffA cutoffB both onlyA onlyB neither agreement meanDifference meanDistance }
    mostDifferent { tile { z x y } distance labelsOnlyA labelsOnlyB }
  }
}"""


def test_cutoffs_of_a_comparison(analysed: Api) -> None:
    def ask(**cutoffs: float) -> dict[str, Any]:
        given = ", ".join(f'{{label: "{label}", cutoff: {of}}}' for label, of in cutoffs.items())
        return analysed.ask(
            f'{{ modelComparison(a: "other", cutoffs: [{given}]) '
            "{ labels { label cutoffA cutoffB } } }"
        )

    # Only the model that is served has the label "road".
    found = ask(water=0.25, road=0.75)["data"]["modelComparison"]["labels"]
    (water,) = [label for label in found if label["label"] == "water"]
    assert (water["cutoffA"], water["cutoffB"], len(found)) == (0.25, 0.25, 2)
    for wrong, said in (({"raod": 0.5}, "no label 'raod'"), ({"road": 1.5}, "cutoff of road")):
        (error,) = ask(**wrong)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert said in error["message"]


def test_comparison(analysed: Api) -> None:
    with analysed.statements() as seen:
        found = analysed.data(COMPARISON, a="other", first=2)["modelComparison"]
    assert len(seen) == 4  # the model by its name, the estimate, the comparison, the tiles
    assert (found["a"], found["b"]) == ({"name": "other"}, {"name": "pixel"})
    assert (found["tiles"], found["tilesOnlyA"], found["tilesOnlyB"]) == (2, 0, 0)
    assert found["comparedKm2"] == pytest.approx(sum(KM2[:2]))
    forest, water = sorted(found["labels"], key=lambda of: str(of["label"]))
    assert forest == {
        "label": "primary",
        "cutoffA": 0.5,
        "cutoffB": 0.5,
        "both": 0,
        "onlyA": 0,
        "onlyB": 1,
        "neither": 1,
        "agreement": 0.5,
        "meanDifference": pytest.approx((0.0 + 0.6) / 2, abs=1e-6),
        "meanDistance": pytest.approx((0.0 + 0.6) / 2, abs=1e-6),
    }
    assert (water["onlyB"], water["neither"], water["agreement"]) == (1, 1, 0.5)
    assert found["agreement"] == pytest.approx(0.5)
    worst = [
        {
            "tile": TILES[number]._asdict(),
            "distance": pytest.approx(distance, abs=1e-6),
            "labelsOnlyA": [],
            "labelsOnlyB": [label],
        }
        for number, distance, label in ((0, (0.7 + 0) / 2, "water"), (1, (0 + 0.6) / 2, "primary"))
    ]
    assert found["mostDifferent"] == worst
    fewer = analysed.data(COMPARISON, a="other", first=1)["modelComparison"]
    assert fewer["mostDifferent"] == worst[:1]


@pytest.mark.parametrize(
    ("query", "variables", "code", "said"),
    [
        (HISTOGRAM, {"bounds": BOUNDS, "polygon": POLYGON}, "BAD_USER_INPUT", "give one area"),
        (HISTOGRAM, {"cutoff": 1.5}, "BAD_USER_INPUT", "between 0 and 1"),
        (HISTOGRAM, {"model": "none"}, "NOT_FOUND", "no model 'none'"),
        (HISTOGRAM, {"where": {"scene": "none"}}, "BAD_USER_INPUT", "no scene"),
        (HISTOGRAM, {"polygon": {"type": "Point"}}, "BAD_USER_INPUT", "Polygon"),
        (
            TIMELINE,
            {"interval": "DAY", "labels": ["forest"]},
            "BAD_USER_INPUT",
            "no label 'forest'",
        ),
        (CHANGES, {**SPAN, "label": "primry"}, "BAD_USER_INPUT", "nearest is 'primary'"),
        (
            CHANGES,
            {**SPAN, "label": "water", "to": "2018-01-01T00:00:00"},
            "BAD_USER_INPUT",
            "zone",
        ),
        (
            CHANGES,
            {**SPAN, "label": "water", "to": SPAN["from"]},
            "BAD_USER_INPUT",
            "must be before",
        ),
        (CHANGES, {**SPAN, "label": "water", "first": -1}, "BAD_USER_INPUT", "first must be"),
        (COMPARISON, {"a": "other", "b": "none", "first": 1}, "NOT_FOUND", "no model 'none'"),
    ],
)
def test_mistakes(
    analysed: Api, query: str, variables: dict[str, Any], code: str, said: str
) -> None:
    (error,) = analysed.ask(query, **variables)["errors"]
    assert error["extensions"]["code"] == code
    assert said in error["message"]


def test_an_area_too_large(analysed: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_estimate, "MOST_TILES", 3)
    for query, variables in (
        (HISTOGRAM, {}),
        (TIMELINE, {"interval": "DAY"}),
        (CHANGES, {**SPAN, "label": "water"}),
        (COMPARISON, {"a": "other", "first": 1}),
    ):
        answer = analysed.ask(query, **variables)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["AREA_TOO_LARGE"]
        assert "a smaller one, one zoom or one scene" in answer["errors"][0]["message"]


def test_many_at_once_are_refused_before_any_is_begun(analysed: Api) -> None:
    fields = " ".join(f"a{i}: labelHistogram {{ tiles }}" for i in range(26))
    response = analysed.client.post("/graphql", json={"query": f"{{ {fields} }}"})
    (error,) = response.get_json()["errors"]
    assert error["extensions"]["code"] == "QUERY_TOO_LARGE"


def test_few_sums_at_once_and_the_others_may_come_later(analysed: Api) -> None:
    api = make_api(analysed.engine, area_sums=1)
    body = {"query": HISTOGRAM, "variables": {"bounds": BOUNDS}}
    with ThreadPoolExecutor(12) as pool:
        with analysed.engine.begin() as conn:
            conn.exec_driver_sql("LOCK TABLE tile_score IN ACCESS EXCLUSIVE MODE")
            began = time.monotonic()
            asked = [pool.submit(api.client.post, "/graphql", json=body) for _ in range(12)]
            refused = [done.result() for done in islice(as_completed(asked, 20), 11)]
            assert time.monotonic() - began < 10
            for answer in refused:
                [error] = answer.get_json()["errors"]
                assert error["extensions"]["code"] == "OVERLOADED"
                assert answer.headers["Retry-After"] == "2"
            # What is no sum need not wait.
            assert api.data("{ scenes { nodes { name } } }")["scenes"]["nodes"]
        [answered] = [answer for done in asked if (answer := done.result()) not in refused]
    assert answered.get_json() == api.ask(HISTOGRAM, bounds=BOUNDS)
    assert "Retry-After" not in answered.headers


def test_polygons_of_many_positions_are_looked_at_in_turns(analysed: Api) -> None:
    api = make_api(analysed.engine, area_sums=1)
    angles = [k * math.tau / 5_000 for k in range(5_000)]
    circle = [[WEST + math.cos(a) / 9, SOUTH + math.sin(a) / 9] for a in angles]
    body = {
        "query": "query ($p: GeoJSON!) { labelHistogram(polygon: $p) { areaKm2 } }",
        "variables": {"p": {"type": "Polygon", "coordinates": [[*circle, circle[0]]]}},
    }
    with ThreadPoolExecutor(12) as pool:
        with analysed.engine.begin() as conn:
            conn.exec_driver_sql("LOCK TABLE tile_score IN ACCESS EXCLUSIVE MODE")
            asked = [pool.submit(api.client.post, "/graphql", json=body) for _ in range(12)]
            refused = [done.result() for done in islice(as_completed(asked, 20), 11)]
        codes = {answer.get_json()["errors"][0]["extensions"]["code"] for answer in refused}
        assert codes == {"OVERLOADED"}
        assert sum("errors" not in done.result().get_json() for done in asked) == 1
