"""Pages of lists, both ways, and cursors that belong to their query."""

import base64
from typing import Any

import pytest
from sqlalchemy import Engine
from support.api_client import (
    NORTH_WEST,
    WHOLE_SCENE,
    Api,
    ingest,
    make_api,
    viewport,
    write_raster,
)
from support.stored_scores import score, tile_ids

from earthgql.imagery.grid import TileIndex

ARGUMENTS = """$bounds: BoundsInput, $where: TileWhere, $orderBy: TileOrder, $first: Int,
$after: String, $last: Int, $before: String, $scene: String, $zoom: Int, $at: DateTime"""
GIVEN = """bounds: $bounds, where: $where, orderBy: $orderBy, first: $first, after: $after,
last: $last, before: $before, scene: $scene, zoom: $zoom, at: $at"""
PAGE_INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
LIST = f"""query ({ARGUMENTS}) {{
  tilesInBounds({GIVEN}) {{ edges {{ cursor node {{ id }} }} {PAGE_INFO} }}
}}"""
COLUMNS = f"""query ({ARGUMENTS}) {{
  viewport({GIVEN}, infer: false) {{ ids {PAGE_INFO} }}
}}"""


@pytest.fixture(scope="module")
def scored(api: Api) -> Api:
    """The scene of 100 tiles, with scores of which many are equal."""
    tiles = tile_ids(api.engine)
    score(api.engine, {tile: {"road": (n % 7) / 10} for n, tile in enumerate(tiles)})
    return api


def page(api: Api, **arguments: Any) -> tuple[list[str], dict[str, Any]]:
    answer = api.data(LIST, **{"bounds": WHOLE_SCENE, **arguments})["tilesInBounds"]
    if answer["edges"]:
        assert answer["pageInfo"]["startCursor"] == answer["edges"][0]["cursor"]
        assert answer["pageInfo"]["endCursor"] == answer["edges"][-1]["cursor"]
    return [edge["node"]["id"] for edge in answer["edges"]], answer["pageInfo"]


def columns(api: Api, **arguments: Any) -> tuple[list[str], dict[str, Any]]:
    answer = api.data(COLUMNS, **{"bounds": WHOLE_SCENE, **arguments})["viewport"]
    ids = [base64.b64encode(f"Tile:{number}".encode()).decode() for number in answer["ids"]]
    return ids, answer["pageInfo"]


ORDERS: list[Any] = [
    None,
    {"by": "ID"},
    {"by": "ACQUIRED", "direction": "ASC"},
    {"label": "road"},
    {"label": "road", "direction": "ASC"},
]


@pytest.mark.parametrize("read", [page, columns], ids=["tilesInBounds", "viewport"])
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_forth_and_back_again(scored: Api, order: Any, read: Any) -> None:
    whole, _ = read(scored, orderBy=order)
    assert len(whole) == 100
    pages: list[list[str]] = []
    after = None
    while True:
        found, place = read(scored, orderBy=order, first=30, after=after)
        pages.append(found)
        assert place["hasPreviousPage"] is (after is not None)
        if not place["hasNextPage"]:
            break
        after = place["endCursor"]
    assert pages == [whole[:30], whole[30:60], whole[60:90], whole[90:]]
    pages, before = [], None
    while True:
        found, place = read(scored, orderBy=order, last=30, before=before)
        pages.append(found)
        assert place["hasNextPage"] is (before is not None)
        if not place["hasPreviousPage"]:
            break
        before = place["startCursor"]
    assert pages == [whole[70:], whole[40:70], whole[10:40], whole[:10]]


def test_between_two_cursors(scored: Api) -> None:
    edges = scored.data(LIST, bounds=WHOLE_SCENE)["tilesInBounds"]["edges"]
    whole = [edge["node"]["id"] for edge in edges]
    ends = {"after": edges[9]["cursor"], "before": edges[20]["cursor"]}
    found, place = page(scored, **ends)
    assert found == whole[10:20]
    assert (place["hasPreviousPage"], place["hasNextPage"]) == (True, True)
    assert page(scored, **ends, first=3)[0] == whole[10:13]
    assert page(scored, **ends, last=3)[0] == whole[17:20]
    none, place = page(scored, after=edges[20]["cursor"], before=edges[9]["cursor"])
    assert none == []
    assert (place["startCursor"], place["endCursor"]) == (None, None)


def test_a_page_that_ends_where_the_list_does(scored: Api) -> None:
    for size in ({"first": 100}, {"last": 100}):
        found, place = page(scored, **size)
        assert len(found) == 100
        assert (place["hasPreviousPage"], place["hasNextPage"]) == (False, False)
    assert page(scored, first=99)[1]["hasNextPage"] is True
    assert page(scored, last=99)[1]["hasPreviousPage"] is True


def test_pages_go_on_while_tiles_are_added(fresh_engine: Engine, tmp_path: Any) -> None:
    ingest(fresh_engine, write_raster(tmp_path / "a.tif", NORTH_WEST, 3, 2), "a")
    api = make_api(fresh_engine)
    bounds = viewport(NORTH_WEST, 10, 10)
    score(fresh_engine, {tile: {"road": 0.5} for tile in tile_ids(fresh_engine)})
    first = {str(order): page(api, bounds=bounds, orderBy=order, first=3) for order in ORDERS}
    whole = {str(order): page(api, bounds=bounds, orderBy=order)[0] for order in ORDERS}
    old = set(tile_ids(fresh_engine))
    beside = TileIndex(14, NORTH_WEST.x + 5, NORTH_WEST.y)
    ingest(fresh_engine, write_raster(tmp_path / "b.tif", beside, 2, 2), "b")
    new = set(tile_ids(fresh_engine)) - old
    score(fresh_engine, {tile: {"road": 0.5} for tile in new})
    later = {base64.b64encode(f"Tile:{tile}".encode()).decode() for tile in new}
    for order in ORDERS:
        found, place = first[str(order)]
        after, _ = page(api, bounds=bounds, orderBy=order, after=place["endCursor"])
        before, _ = page(api, bounds=bounds, orderBy=order, before=place["startCursor"])
        assert [i for i in found + after if i not in later] == whole[str(order)]
        assert set(before) <= later


OTHER_QUERIES: list[dict[str, Any]] = [
    {"bounds": viewport(NORTH_WEST, 9, 10)},
    {"bounds": None},
    {"where": {"labels": {"any": [{"label": "road"}]}}},
    {"where": {"classified": True}},
    {"where": {"within": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]}}},
    {"orderBy": {"label": "road"}},
    {"orderBy": {"by": "ID"}},
    {"zoom": 14},
    {"scene": "lake"},
    {"at": "2024-01-01T00:00:00Z"},
]


@pytest.mark.parametrize("other", OTHER_QUERIES, ids=str)
@pytest.mark.parametrize("side", ["after", "before"])
def test_cursors_of_another_query(scored: Api, other: dict[str, Any], side: str) -> None:
    _, place = page(scored, first=5)
    cursor = place["endCursor"]
    [error] = scored.ask(LIST, **{"bounds": WHOLE_SCENE, side: cursor, **other})["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "is a cursor of another query: page on with the arguments" in error["message"]


def test_cursors_of_another_field(scored: Api) -> None:
    _, place = page(scored, first=5)
    one = place["endCursor"]
    [scene] = scored.data("{ scenes { edges { cursor } } }")["scenes"]["edges"]
    for query, cursor in (
        ("query ($c: String) { scenes(after: $c) { nodes { id } } }", one),
        ("query ($c: String) { models(before: $c) { nodes { id } } }", scene["cursor"]),
        ("query ($c: String) { tilesInBounds(after: $c) { nodes { id } } }", scene["cursor"]),
        ("query ($c: String) { viewport(after: $c) { ids } }", one),
    ):
        [error] = scored.ask(query, c=cursor)["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert "is a cursor of another query" in error["message"]


def test_the_same_query_in_another_form(scored: Api) -> None:
    terms = [{"label": "road", "minScore": 0.1}, {"label": "water", "minScore": 0}]
    where = {"labels": {"all": terms}, "zoom": 14}
    found, place = page(scored, where=where, first=5)
    again = {"labels": {"all": terms[::-1], "none": []}, "classified": None}
    rest, _ = page(scored, where=again, zoom=14, after=place["endCursor"])
    assert found + rest == page(scored, where=where)[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"first": 0}, "first must be between 1 and 1000, not 0"),
        ({"last": 0}, "last must be between 1 and 1000, not 0"),
        ({"last": -3}, "last must be between 1 and 1000, not -3"),
        ({"last": 1001}, "last must be between 1 and 1000, not 1001"),
        ({"first": 1, "last": 1}, "give either first or last, and not both"),
        ({"after": "nonsense"}, "'nonsense' is not a cursor that this API gave out"),
        ({"before": ""}, "'' is not a cursor that this API gave out"),
        ({"before": "VGlsZTox"}, "is not a cursor that this API gave out"),
        ({"after": base64.b64encode(b"Cursor:5").decode()}, "is a cursor of another query"),
    ],
    ids=str,
)
def test_wrong_pages(scored: Api, wrong: dict[str, Any], message: str) -> None:
    [error] = scored.ask(LIST, bounds=WHOLE_SCENE, **wrong)["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert message in error["message"]


def tampered(cursor: str, number: str, key: str) -> str:
    kind, _, query, *_ = base64.b64decode(cursor).decode().split(":")
    return base64.b64encode(f"{kind}:{number}:{query}:{key}".encode()).decode()


@pytest.mark.parametrize(
    "key",
    [
        *("nan", "inf", "x", "1e999", "1e-50", "1e-320", "0.10", "2024-01-01T00:00:00Z"),
        *("2024-01-01T00:00:00+23:59", "2024-01-01T00:00:00-16:00"),
        "2024-01-01T00:00:00+01:00:00.5",
    ],
)
@pytest.mark.parametrize("order", [{"label": "road"}, {"by": "ACQUIRED"}], ids=str)
def test_tampered_cursors(scored: Api, order: dict[str, Any], key: str) -> None:
    _, place = page(scored, orderBy=order, first=5)
    cursor = tampered(place["endCursor"], "1", key)
    answer = scored.ask(LIST, bounds=WHOLE_SCENE, orderBy=order, after=cursor)
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    if order == {"by": "ACQUIRED"} and key == "2024-01-01T00:00:00Z":
        assert codes == []
    else:
        assert codes == ["BAD_USER_INPUT"]


def test_a_huge_but_well_formed_cursor_is_past_the_end(scored: Api) -> None:
    _, place = page(scored, first=5)
    cursor = tampered(place["endCursor"], "1" * 19, "")
    assert page(scored, after=cursor)[0] == []
    assert len(page(scored, before=cursor)[0]) == 100


SCENES = """query ($first: Int, $after: String, $last: Int, $before: String) {
  scenes(first: $first, after: $after, last: $last, before: $before) {
    nodes { name } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


def test_scenes_and_models_both_ways(fresh_engine: Engine, tmp_path: Any) -> None:
    for i, name in enumerate("abcde"):
        corner = TileIndex(14, NORTH_WEST.x + i, NORTH_WEST.y)
        ingest(fresh_engine, write_raster(tmp_path / f"{name}.tif", corner, 1, 1), name)
    api = make_api(fresh_engine)

    def names(**arguments: Any) -> tuple[str, dict[str, Any]]:
        answer = api.data(SCENES, **arguments)["scenes"]
        assert answer["totalCount"] == 5
        return "".join(node["name"] for node in answer["nodes"]), answer["pageInfo"]

    found, place = names(last=2)
    assert (found, place["hasPreviousPage"], place["hasNextPage"]) == ("de", True, False)
    found, place = names(last=2, before=place["startCursor"])
    assert (found, place["hasPreviousPage"], place["hasNextPage"]) == ("bc", True, True)
    found, place = names(last=2, before=place["startCursor"])
    assert (found, place["hasPreviousPage"], place["hasNextPage"]) == ("a", False, True)
    found, place = names(first=2, after=place["endCursor"])
    assert (found, place["hasPreviousPage"], place["hasNextPage"]) == ("bc", True, True)
    score(fresh_engine, {})
    models = api.data("{ models(last: 1) { nodes { name } totalCount } }")["models"]
    assert models == {"nodes": [{"name": "pixel"}], "totalCount": 1}
    with api.statements() as seen:
        api.data("{ scenes { nodes { name } } models { nodes { name } } }")
    assert len(seen) == 2
