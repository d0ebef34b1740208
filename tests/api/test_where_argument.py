"""``where`` and ``orderBy`` of tile lists, on scores made up so that every answer is known."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import Engine, text
from support.api_client import (
    NORTH_WEST,
    SCENE,
    WHOLE_SCENE,
    Api,
    ingest,
    make_api,
    viewport,
    write_raster,
)
from support.stored_scores import score, tile_ids

from earthgql.api import ids
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex

LIST = """
query ($bounds: BoundsInput, $where: TileWhere, $orderBy: TileOrder, $first: Int, $model: String) {
  tilesInBounds(bounds: $bounds, where: $where, orderBy: $orderBy, first: $first, model: $model) {
    nodes { id }
    totalCount
  }
}
"""
COLUMNS = """
query ($bounds: BoundsInput, $where: TileWhere, $orderBy: TileOrder, $first: Int, $model: String) {
  viewport(bounds: $bounds, where: $where, orderBy: $orderBy, first: $first, model: $model,
           infer: false) { ids scores tilesTotal tilesClassified }
}
"""
# Tile number n of 100 has these scores; the last ten have none.
ROAD = [n / 100 for n in range(90)]
WATER = [(n % 10) / 10 for n in range(90)]
CLASSIFIED = range(90)


@pytest.fixture(scope="module")
def scored(api: Api) -> Api:
    """The scene of 100 tiles, 90 of which have the scores above."""
    tiles = tile_ids(api.engine)
    score(api.engine, {tiles[n]: {"road": ROAD[n], "water": WATER[n]} for n in CLASSIFIED})
    return api


def numbers(api: Api, where: Any = None, **arguments: Any) -> list[int]:
    """Which of the 100 tiles are listed, in the order of the list."""
    place = {tile: n for n, tile in enumerate(tile_ids(api.engine))}
    variables = {"bounds": WHOLE_SCENE, "where": where, **arguments}
    page = api.data(LIST, **variables)["tilesInBounds"]
    found = [place[ids.decode_as("Tile", node["id"])] for node in page["nodes"]]
    view = api.data(COLUMNS, **variables)["viewport"]
    assert [place[tile] for tile in view["ids"]] == found
    assert view["tilesTotal"] == page["totalCount"]
    if "first" not in arguments:
        assert page["totalCount"] == len(found)
    return found


def label(name: str, min_score: float | None = None) -> dict[str, Any]:
    return {"label": name} if min_score is None else {"label": name, "minScore": min_score}


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"labels": {"all": [label("road")]}}, [*range(50, 90)]),
    ({"labels": {"all": [label("road", 0.8)]}}, [*range(80, 90)]),
    ({"labels": {"all": [label("road", 0.81)]}}, [*range(81, 90)]),
    (
        {"labels": {"all": [label("road", 0.6), label("water", 0.7)]}},
        [n for n in range(60, 90) if n % 10 >= 7],
    ),
    (
        {"labels": {"any": [label("road", 0.85), label("water", 0.9)]}},
        [n for n in CLASSIFIED if n >= 85 or n % 10 == 9],
    ),
    (
        {"labels": {"none": [label("road", 0.1), label("water", 0.3)]}},
        [0, 1, 2],
    ),
    (
        {
            "labels": {
                "all": [label("road", 0.2)],
                "any": [label("water", 0.8), label("road", 0.89)],
                "none": [label("road", 0.5)],
            }
        },
        [n for n in range(20, 50) if n % 10 >= 8],
    ),
    ({"labels": {"all": [label("cloudy", 0)]}}, [*CLASSIFIED]),
    ({"labels": {"all": [label("cloudy", 0.01)]}}, []),
    ({"labels": {"all": [], "any": None}}, [*range(100)]),
    ({"labels": {}}, [*range(100)]),
    ({}, [*range(100)]),
    ({"classified": True}, [*CLASSIFIED]),
    ({"classified": False}, [*range(90, 100)]),
    ({"classified": None}, [*range(100)]),
    ({"scene": SCENE}, [*range(100)]),
    ({"zoom": 14}, [*range(100)]),
    ({"zoom": 13}, []),
    ({"acquired": {"from": "2000-01-01T00:00:00Z"}}, []),
    ({"acquired": {"to": "2100-01-01T00:00:00+05:00"}}, []),
    ({"acquired": {}}, [*range(100)]),
]


@pytest.mark.parametrize(("where", "expected"), FILTERS, ids=str)
def test_filters(scored: Api, where: dict[str, Any], expected: list[int]) -> None:
    assert numbers(scored, where) == expected


def test_orders(scored: Api) -> None:
    by_road = numbers(scored, orderBy={"label": "road"})
    assert by_road == [*reversed(CLASSIFIED)]
    assert numbers(scored, orderBy={"label": "road", "direction": "ASC"}) == [*CLASSIFIED]
    by_water = sorted(CLASSIFIED, key=lambda n: (WATER[n], n), reverse=True)
    assert numbers(scored, orderBy={"label": "water"}) == by_water
    assert numbers(scored, orderBy={"by": "LABEL", "label": "water"}, first=7) == by_water[:7]
    assert numbers(scored, orderBy={"by": "ID", "direction": "ASC"}) == [*range(100)]
    assert numbers(scored, orderBy={"by": "ID"}) == [*reversed(range(100))]
    # No tile has a date: their ids decide.
    assert numbers(scored, orderBy={"by": "ACQUIRED"}) == [*reversed(range(100))]
    where = {"labels": {"all": [label("water", 0.9)]}}
    assert numbers(scored, where, orderBy={"label": "road"}, first=3) == [89, 79, 69]


def test_newest_acquisition_first(fresh_engine: Engine, tmp_path: Any) -> None:
    for i, (name, acquired) in enumerate((("b", "2021-06-01"), ("c", None), ("a", "2020-06-01"))):
        corner = TileIndex(14, NORTH_WEST.x + 2 * i, NORTH_WEST.y)
        ingest(fresh_engine, write_raster(tmp_path / f"{name}.tif", corner, 2, 1), name)
        with fresh_engine.begin() as conn:
            conn.execute(
                text("UPDATE scene SET acquired_at = :at WHERE name = :name"),
                {"at": acquired, "name": name},
            )
    api = make_api(fresh_engine)
    newest = numbers(api, bounds=None, orderBy={"by": "ACQUIRED"})
    assert newest == [1, 0, 5, 4, 3, 2]
    oldest = numbers(api, bounds=None, orderBy={"by": "ACQUIRED", "direction": "ASC"})
    assert oldest == newest[::-1]
    span = {"acquired": {"from": "2020-06-01T00:00:00Z", "to": "2021-06-01T00:00:00Z"}}
    assert numbers(api, span, bounds=None) == [4, 5]


def polygon(north_west: TileIndex, columns: int, rows: int) -> dict[str, Any]:
    west, south, east, north = viewport(north_west, columns, rows).values()
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_within_a_polygon(scored: Api) -> None:
    square = polygon(NORTH_WEST, 3, 2)
    cells = {(NORTH_WEST.x + i, NORTH_WEST.y + j) for i in range(3) for j in range(2)}
    for bounds in (WHOLE_SCENE, None):
        found = scored.data(
            "query ($b: BoundsInput, $w: TileWhere) {"
            " tilesInBounds(bounds: $b, where: $w) { nodes { x y } } }",
            b=bounds,
            w={"within": square},
        )
        nodes = found["tilesInBounds"]["nodes"]
        assert {(node["x"], node["y"]) for node in nodes} == cells
        assert len(nodes) == 6
    # Written into the document, too; and a tile's own outline takes in just that tile.
    outline = scored.data(LIST.replace("{ id }", "{ id footprint }"), first=1)
    [tile] = outline["tilesInBounds"]["nodes"]
    literal = json.dumps(tile["footprint"]).replace('"type"', "type")
    literal = literal.replace('"coordinates"', "coordinates")
    found = scored.data(f"{{ tilesInBounds(where: {{within: {literal}}}) {{ nodes {{ id }} }} }}")
    assert found["tilesInBounds"]["nodes"] == [{"id": tile["id"]}]


def test_a_triangle_leaves_out_what_only_its_rectangle_holds(scored: Api) -> None:
    west, south, east, north = viewport(NORTH_WEST, 4, 4).values()
    ring = [[west, south], [east, north], [west, north], [west, south]]
    where = {"within": {"type": "Polygon", "coordinates": [ring]}}
    answer = scored.data(
        "query ($w: TileWhere) { tilesInBounds(where: $w) { totalCount nodes { x y } } }", w=where
    )["tilesInBounds"]
    # Rows are not quite as high as columns are wide in degrees: the diagonal runs through corners
    # only nearly, and what it cuts off of a cell beyond is area as well.
    inside = {
        (i, j)
        for i in range(4)
        for j in range(4)
        if (c := grid.tile_bounds(TileIndex(14, NORTH_WEST.x + i, NORTH_WEST.y + j)))
        and c.north - 1e-9 > south + (c.west + 1e-9 - west) * (north - south) / (east - west)
    }
    cells = {(node["x"] - NORTH_WEST.x, node["y"] - NORTH_WEST.y) for node in answer["nodes"]}
    assert cells == inside
    assert answer["totalCount"] == len(inside)
    assert 10 <= len(inside) <= 13


def test_nothing_is_classified_by_conditions(scored: Api) -> None:
    scored.classifier.submissions.clear()
    numbers(scored, {"labels": {"none": [label("road")]}}, orderBy={"label": "water"})
    assert scored.classifier.submissions == []


def test_statements(scored: Api) -> None:
    numbers(scored, {"classified": True})
    where = {"labels": {"all": [label("road")]}, "within": polygon(NORTH_WEST, 9, 9)}
    variables = {"bounds": WHOLE_SCENE, "where": where, "orderBy": {"label": "water"}}
    uncounted = LIST.replace("totalCount", "")
    counts = {}
    for name, query, more in (
        ("list", uncounted, {}),
        ("and count", LIST, {}),
        ("of a model by name", uncounted, {"model": "pixel 1"}),
        ("columns", COLUMNS, {}),
    ):
        with scored.statements() as seen:
            scored.data(query, **variables, **more)
        counts[name] = len(seen)
    assert counts == {"list": 1, "and count": 2, "of a model by name": 2, "columns": 1}


def test_count_is_shared_by_pages_of_one_request(scored: Api) -> None:
    with scored.statements() as seen:
        answer = scored.data(
            "query ($b: BoundsInput) { a: tilesInBounds(bounds: $b, first: 3) { totalCount }"
            " b: tilesInBounds(bounds: $b, last: 5) { totalCount nodes { id } } }",
            b=WHOLE_SCENE,
        )
    assert answer["a"]["totalCount"] == answer["b"]["totalCount"] == 100
    assert len(seen) == 3


MANY = [[0, 0]] * 100_000
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "unknown label": (
        {"where": {"labels": {"any": [label("raod")]}}},
        "model pixel 1 has no label 'raod'; the nearest is 'road'",
    ),
    "unknown label to order by": (
        {"orderBy": {"label": "wter"}},
        "model pixel 1 has no label 'wter'; the nearest is 'water'",
    ),
    "score 1.5": (
        {"where": {"labels": {"any": [label("road", 1.5)]}}},
        "minScore of road must be between 0 and 1, not 1.5",
    ),
    "no zone": (
        {"where": {"acquired": {"from": "2024-01-01T00:00:00"}}},
        "acquired.from needs a time zone: 2024-01-01T00:00:00Z",
    ),
    "an offset of a day": (
        {"where": {"acquired": {"from": "2024-01-01T00:00:00+23:59"}}},
        "a time is written as 2024-08-01T12:00:00Z",
    ),
    "an offset of 16 hours": (
        {"where": {"acquired": {"to": "2024-01-01T00:00:00-16:00"}}},
        "a time is written as",
    ),
    "an offset of half seconds": (
        {"where": {"acquired": {"to": "2024-01-01T00:00:00.5+01:00:00.5"}}},
        "a time is written as",
    ),
    "an empty span": (
        {"where": {"acquired": {"from": "2024-01-01T00:00:00Z", "to": "2023-01-01T00:00:00Z"}}},
        "must be before acquired.to",
    ),
    "unknown scene": ({"where": {"scene": "nowhere"}}, "no scene is named 'nowhere'"),
    "zoom 25": ({"where": {"zoom": 25}}, "zoom must be between 0 and 24, not 25"),
    "unclassified by label": (
        {"where": {"classified": False, "labels": {"all": [label("road")]}}},
        "no tile is both",
    ),
    "unclassified in the order of a label": (
        {"where": {"classified": False}, "orderBy": {"label": "road"}},
        "have no order by a label",
    ),
    "order by nothing": ({"orderBy": {}}, "orderBy needs a label"),
    "order by a label, but which": ({"orderBy": {"by": "LABEL"}}, "orderBy needs a label"),
    "order by two things": (
        {"orderBy": {"by": "ACQUIRED", "label": "road"}},
        "gives a label, but is not by LABEL",
    ),
    "open": (
        {"where": {"within": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]}}},
        "is open",
    ),
    "self-crossing": (
        {
            "where": {
                "within": {
                    "type": "Polygon",
                    "coordinates": [[[0, 0], [9, 9], [9, 0], [0, 9], [0, 0]]],
                }
            }
        },
        "crosses itself at longitude 4.5, latitude 4.5",
    ),
    "too many vertices": (
        {"where": {"within": {"type": "Polygon", "coordinates": [MANY]}}},
        "100,000 positions, more than 10,000",
    ),
    "a point": ({"where": {"within": {"type": "Point", "coordinates": [0, 0]}}}, "'Point'"),
    "a word": ({"where": {"within": "here"}}, "must be a GeoJSON Polygon"),
}


@pytest.mark.parametrize("query", [LIST, COLUMNS], ids=["tilesInBounds", "viewport"])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_conditions(scored: Api, name: str, query: str) -> None:
    arguments, message = WRONG[name]
    [error] = scored.ask(query, **{"bounds": WHOLE_SCENE, **arguments})["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert message in error["message"]


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        ("NaN", "BAD_REQUEST", "NaN"),
        ("1e999", "BAD_USER_INPUT", "must be finite numbers, not inf"),
    ],
)
def test_what_is_no_number_in_a_polygon(scored: Api, number: str, code: str, message: str) -> None:
    where = {"within": {"type": "Polygon", "coordinates": [[["NUMBER", 0], [1, 0], [1, 1]]]}}
    body = json.dumps({"query": LIST, "variables": {"where": where}}).replace('"NUMBER"', number)
    response = scored.client.post("/graphql", data=body, content_type="application/json")
    [error] = response.get_json()["errors"]
    assert error["extensions"]["code"] == code
    assert message in error["message"]


def test_a_polygon_too_long_for_a_request(scored: Api) -> None:
    ring = [[i * 1e-3, 0] for i in range(100_000)]
    where = {"within": {"type": "Polygon", "coordinates": [ring]}}
    response = scored.client.post("/graphql", json={"query": LIST, "variables": {"where": where}})
    assert response.status_code == 413


def test_the_columns_are_in_the_order_of_the_query(scored: Api) -> None:
    view = scored.data(COLUMNS, bounds=WHOLE_SCENE, orderBy={"label": "road"}, first=3)["viewport"]
    scores = memoryview(base64.b64decode(view["scores"])).cast("H").tolist()
    column = scored.classifier.identity.labels.index("road")
    width = len(scored.classifier.identity.labels)
    assert [round(n / 65534, 2) for n in scores[column::width]] == [0.89, 0.88, 0.87]
