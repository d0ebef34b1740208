"""Ids, ``node``, ``tile``, ``scenes`` and ``models``."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.api_client import NORTH_WEST, SCENE, Api, centre

from earthgql.api import ids
from earthgql.errors import BadInputError

NODE = """query ($id: ID!) { node(id: $id) { __typename id
  ... on Tile { x y } ... on Scene { name } ... on Model { version } } }"""
TILE = "query ($id: ID!) { tile(id: $id) { id x y } }"


def test_every_kind_is_found_again_by_its_id(api: Api) -> None:
    lat, lon = centre(NORTH_WEST)
    answer = api.data(
        """query ($lat: Float!, $lon: Float!) { classifyPoint(lat: $lat, lon: $lon) {
          tile { id x y scene { id } } model { id } } }""",
        lat=lat,
        lon=lon,
    )["classifyPoint"]
    tile = answer["tile"]
    found = {"__typename": "Tile", "id": tile["id"], "x": tile["x"], "y": tile["y"]}
    assert api.data(NODE, id=tile["id"])["node"] == found
    assert api.data(TILE, id=tile["id"])["tile"]["x"] == NORTH_WEST.x
    scene = api.data(NODE, id=tile["scene"]["id"])["node"]
    assert scene == {"__typename": "Scene", "id": tile["scene"]["id"], "name": SCENE}
    model = api.data(NODE, id=answer["model"]["id"])["node"]
    assert model == {"__typename": "Model", "id": answer["model"]["id"], "version": "1"}


@pytest.mark.parametrize("kind", ["Tile", "Scene", "Model"])
@pytest.mark.parametrize("row_id", [0, 987654321, 2**31, 2**63 - 1, 2**63, 10**30])
def test_unknown_ids_are_null(api: Api, kind: str, row_id: int) -> None:
    assert api.data(NODE, id=ids.encode(kind, row_id)) == {"node": None}
    if kind == "Tile":
        assert api.data(TILE, id=ids.encode(kind, row_id)) == {"tile": None}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "Tile:5",
        "VGlsZTo",
        "VGlsZTox\n",
        "\0",
        "ü",
        base64.b64encode(b"Tile").decode(),
        base64.b64encode(b"Tile:").decode(),
        base64.b64encode(b"Tile:-5").decode(),
        base64.b64encode(b"Tile:05").decode(),
        base64.b64encode("Tile:\u0665".encode()).decode(),
        base64.b64encode(b"Tile:5; DROP TABLE tile").decode(),
        base64.b64encode(b"Query:5").decode(),
        base64.b64encode(b"Cursor:5").decode(),
        "A" * 100_000,
    ],
    ids=lambda text: repr(text[:20]),
)
def test_malformed_ids(api: Api, text: str) -> None:
    assert api.codes(NODE, id=text) == ["BAD_USER_INPUT"]
    assert api.codes(TILE, id=text) == ["BAD_USER_INPUT"]


def test_an_id_of_another_kind_is_an_error(api: Api) -> None:
    [error] = api.ask(TILE, id=ids.encode("Scene", 1))["errors"]
    assert "is the id of a Scene, not of a Tile" in error["message"]


@given(st.sampled_from(["Tile", "Scene", "Cursor"]), st.integers(0, 2**63 - 1))
def test_ids_come_back(kind: str, row_id: int) -> None:
    assert ids.decode(ids.encode(kind, row_id)) == (kind, row_id)
    assert ids.decode_as(kind, ids.encode(kind, row_id)) == row_id


@given(st.text())
def test_any_text_is_an_id_or_bad_input(text: str) -> None:
    try:
        kind, row_id = ids.decode(text)
    except BadInputError:
        return
    assert ids.encode(kind, row_id) == text


def test_scenes_and_models_in_pages(fresh_api: Api) -> None:
    with fresh_api.engine.begin() as connection:
        for i in range(5):
            connection.exec_driver_sql(
                "INSERT INTO scene (name, kind, uri, root, zoom, footprint, fingerprint) VALUES "
                "(%s, 'raster', '/x', '/x', 3, ST_MakeEnvelope(0, 0, 1, 1, 4326), '')",
                (f"s{i}",),
            )
            connection.exec_driver_sql(
                "INSERT INTO model (name, version, labels, thresholds, sha256) VALUES "
                "('m', %s, '{a,b}', '{0.25,0.5}', %s)",
                (str(i), str(i)),
            )
    for field, shown, wanted in (
        ("scenes", "name", [SCENE, "s0", "s1", "s2", "s3", "s4"]),
        ("models", "version", ["0", "1", "2", "3", "4"]),
    ):
        query = f"""query ($after: String) {{ page: {field}(first: 2, after: $after) {{
          nodes {{ it: {shown} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
        seen, after, more = [], None, True
        while more:
            page = fresh_api.data(query, after=after)["page"]
            seen += [node["it"] for node in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert seen == wanted
        assert fresh_api.codes(f"{{ {field}(first: 1001) {{ nodes {{ id }} }} }}") == [
            "BAD_USER_INPUT"
        ]
        assert fresh_api.codes(f'{{ {field}(after: "x") {{ nodes {{ id }} }} }}') == [
            "BAD_USER_INPUT"
        ]
