"""Each argument of the sums over areas, changes and comparisons, one at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from support.api_client import Api, make_api
from support.catalog_rows import add_model, add_scene, add_scores, children
from support.pixel_classifier import PIXEL_IDENTITY

from earthgql.catalog.models import ModelRecord, register_model
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.models.labels import PLANET_LABELS

# North-west, south-west, north-east, south-east.
TILES = children(TileIndex(10, 300, 400))
KM2 = [grid.area_m2(tile) / 1e6 for tile in TILES]
FOREST, WATER = PLANET_LABELS.index("primary"), PLANET_LABELS.index("water")
# Forest and water at both dates, tile by tile.
OLD = [(0.9, 0.7), (0.1, 0.0), (0.75, 0.0), (0.6, 0.9)]
NEW = [(0.25, 0.7), (0.8, 0.0), (0.75, 0.6), (0.2, 0.9)]
# The other model knows water first, then forest.
OTHER_OLD = [(0.0, 0.0), (0.0, 0.25), (0.0, 0.9), (0.0, 0.8)]
OTHER_NEW = [(0.0, 0.6), (0.0, 0.8), (0.9, 0.9), (0.0, 0.1)]


def corner(tile: TileIndex) -> dict[str, float]:
    """The middle half of a tile, each way: bounds within it."""
    west, south, east, north = grid.tile_bounds(tile)
    wide, high = (east - west) / 4, (north - south) / 4
    return {"west": west + wide, "south": south + high, "east": east - wide, "north": north - high}


def outline(tile: TileIndex) -> dict[str, Any]:
    """A whole tile as a polygon."""
    west, south, east, north = grid.tile_bounds(tile)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def row(forest: float, water: float) -> list[float]:
    scores = [0.0] * len(PLANET_LABELS)
    scores[FOREST], scores[WATER] = forest, water
    return scores


@pytest.fixture(scope="module")
def analysed(module_engine: Engine) -> Iterator[Api]:
    """Two dates of four tiles, scored by the model that is served and by another."""
    with module_engine.begin() as conn:
        served = ModelRecord(register_model(conn, PIXEL_IDENTITY), PIXEL_IDENTITY)
        other = add_model(conn, "other", ("water", "primary"), 0.5)
        dates = (datetime(2016, 8, 4, tzinfo=UTC), datetime(2017, 8, 11, tzinfo=UTC))
        for name, date, own, others in (
            ("old", dates[0], OLD, OTHER_OLD),
            ("new", dates[1], NEW, OTHER_NEW),
        ):
            ids = add_scene(conn, name, TILES, date).values()
            add_scores(conn, served, {i: row(*of) for i, of in zip(ids, own, strict=True)})
            add_scores(conn, other, dict(zip(ids, others, strict=True)))
    return make_api(module_engine)


WET = {"labels": {"all": [{"label": "water"}]}}

TIMELINE = """query ($bounds: BoundsInput, $polygon: GeoJSON, $where: TileWhere, $cutoff: Float,
    $cutoffs: [LabelCutoff!], $model: String) {
  labelTimeline(bounds: $bounds, polygon: $polygon, where: $where, cutoff: $cutoff,
                cutoffs: $cutoffs, model: $model, interval: YEAR, labels: ["primary"]) {
    model { name } areaKm2 periods { tiles labels { tiles areaKm2 cutoff } }
  }
}"""


@pytest.mark.parametrize(
    ("arguments", "tiles", "forests"),
    [
        ({}, [4, 4], [[0, 2, 3], [1, 2]]),
        ({"bounds": corner(TILES[1])}, [1, 1], [[], [1]]),
        ({"bounds": {**corner(TILES[1]), "east": corner(TILES[1])["west"]}}, [1, 1], [[], [1]]),
        ({"polygon": outline(TILES[0])}, [1, 1], [[0], []]),
        ({"where": {"within": outline(TILES[2])}}, [1, 1], [[2], [2]]),
        ({"where": WET}, [2, 3], [[0, 3], [2]]),
        ({"where": {"scene": "new"}}, [4], [[1, 2]]),
        ({"cutoff": 0.76}, [4, 4], [[0], [1]]),
        ({"cutoffs": [{"label": "primary", "cutoff": 0.2}]}, [4, 4], [[0, 2, 3], [0, 1, 2, 3]]),
        ({"cutoff": 0.1, "cutoffs": [{"label": "primary", "cutoff": 0.85}]}, [4, 4], [[0], []]),
        ({"model": "other 1"}, [4, 4], [[2, 3], [0, 1, 2]]),
    ],
    ids=str,
)
def test_timeline(
    analysed: Api, arguments: dict[str, Any], tiles: list[int], forests: list[list[int]]
) -> None:
    found = analysed.data(TIMELINE, **arguments)["labelTimeline"]
    assert found["model"]["name"] == ("other" if "model" in arguments else "pixel")
    assert [period["tiles"] for period in found["periods"]] == tiles
    labels = [period["labels"][0] for period in found["periods"]]
    assert [label["tiles"] for label in labels] == [len(of) for of in forests]
    assert [label["areaKm2"] for label in labels] == [
        pytest.approx(sum(ground(arguments, i) for i in of), rel=1e-6) for of in forests
    ]


def ground(arguments: dict[str, Any], tile: int) -> float:
    """What a tile answers for, in square kilometres: all of it, but for bounds within it."""
    bounds = arguments.get("bounds")
    return KM2[tile] if bounds is None else grid.rectangle_m2(grid.Bounds(**bounds)) / 1e6


COMPARISON = """query ($bounds: BoundsInput, $polygon: GeoJSON, $where: TileWhere, $at: DateTime,
    $cutoff: Float, $cutoffs: [LabelCutoff!], $a: String! = "pixel", $b: String = "other") {
  modelComparison(a: $a, b: $b, bounds: $bounds, polygon: $polygon, where: $where, at: $at,
                  cutoff: $cutoff, cutoffs: $cutoffs) {
    tiles comparedKm2
    labels { label cutoffA cutoffB both onlyA onlyB neither }
  }
}"""


@pytest.mark.parametrize(
    ("arguments", "where", "forest", "water"),
    [
        # Both, only the first, only the second, neither.
        ({}, [0, 1, 2, 3], (2, 0, 1, 1), (1, 2, 0, 1)),
        ({"bounds": corner(TILES[0])}, [0], (0, 0, 1, 0), (0, 1, 0, 0)),
        ({"polygon": outline(TILES[2])}, [2], (1, 0, 0, 0), (1, 0, 0, 0)),
        ({"where": {"within": outline(TILES[3])}}, [3], (0, 0, 0, 1), (0, 1, 0, 0)),
        ({"where": WET}, [0, 2, 3], (1, 0, 1, 1), (1, 2, 0, 0)),
        # The conditions are about the first.
        ({"where": WET, "a": "other", "b": "pixel"}, [2], (1, 0, 0, 0), (1, 0, 0, 0)),
        ({"at": "2017-01-01T00:00:00Z"}, [0, 1, 2, 3], (2, 1, 0, 1), (0, 2, 0, 2)),
        ({"cutoff": 0.25}, [0, 1, 2, 3], (3, 0, 0, 1), (1, 2, 0, 1)),
        ({"cutoff": 0.65}, [0, 1, 2, 3], (2, 0, 0, 2), (0, 2, 1, 1)),
        (
            {"cutoffs": [{"label": "primary", "cutoff": 0.15}]},
            [0, 1, 2, 3],
            (3, 1, 0, 0),
            (1, 2, 0, 1),
        ),
    ],
    ids=str,
)
def test_comparison(
    analysed: Api,
    arguments: dict[str, Any],
    where: list[int],
    forest: tuple[int, ...],
    water: tuple[int, ...],
) -> None:
    found = analysed.data(COMPARISON, **arguments)["modelComparison"]
    assert found["tiles"] == len(where)
    assert found["comparedKm2"] == pytest.approx(
        sum(ground(arguments, tile) for tile in where), rel=1e-6
    )
    counts = {
        of["label"]: (of["both"], of["onlyA"], of["onlyB"], of["neither"]) for of in found["labels"]
    }
    assert counts == {"primary": forest, "water": water}


CHANGES = """query ($bounds: BoundsInput, $polygon: GeoJSON, $where: TileWhere, $cutoff: Float,
    $model: String) {
  labelChanges(label: "primary", from: "2017-01-01T00:00:00Z", to: "2018-01-01T00:00:00Z",
               bounds: $bounds, polygon: $polygon, where: $where, cutoff: $cutoff, model: $model) {
    model { name } comparedKm2 appeared { tiles } vanished { tiles } kept { tiles }
    changes { kind after { x y } }
  }
}"""


@pytest.mark.parametrize(
    ("arguments", "compared", "appeared", "vanished", "kept"),
    [
        ({}, [0, 1, 2, 3], [1], [0, 3], 1),
        ({"bounds": corner(TILES[1])}, [1], [1], [], 0),
        ({"polygon": outline(TILES[3])}, [3], [], [3], 0),
        ({"where": {"within": outline(TILES[2])}}, [2], [], [], 1),
        # At both moments.
        ({"where": WET}, [0, 3], [], [0, 3], 0),
        ({"cutoff": 0.7}, [0, 1, 2, 3], [1], [0], 1),
        ({"model": "other 1"}, [0, 1, 2, 3], [0, 1], [3], 1),
    ],
    ids=str,
)
def test_changes(
    analysed: Api,
    arguments: dict[str, Any],
    *,
    compared: list[int],
    appeared: list[int],
    vanished: list[int],
    kept: int,
) -> None:
    found = analysed.data(CHANGES, **arguments)["labelChanges"]
    assert found["model"]["name"] == ("other" if "model" in arguments else "pixel")
    assert found["comparedKm2"] == pytest.approx(
        sum(ground(arguments, tile) for tile in compared), rel=1e-6
    )
    sums = [found[name]["tiles"] for name in ("appeared", "vanished", "kept")]
    assert sums == [len(appeared), len(vanished), kept]
    assert {(of["kind"], of["after"]["x"], of["after"]["y"]) for of in found["changes"]} == {
        (kind, TILES[tile].x, TILES[tile].y)
        for kind, tiles in (("APPEARED", appeared), ("VANISHED", vanished))
        for tile in tiles
    }
