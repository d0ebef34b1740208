"""``/labels/{z}/{x}/{y}.mvt`` and ``/labels.json``: labels as vector tiles."""

import json
import random
from bisect import bisect_right
from urllib.parse import urlencode

import numpy as np
import pytest
from support.api_client import NORTH_WEST, SIDE, WHOLE_SCENE, Api, centre
from support.stored_scores import score, tile_ids
from support.vector_tiles import Feature, read_tile

from earthgql.catalog.label_tiles import depth
from earthgql.imagery.grid import TileIndex
from earthgql.models.protocol import ModelIdentity

# Thresholds that are no hundredths, and one whose nearest float32 is below it.
ODD = ModelIdentity(
    "odd", "1", ("forest", 'two words: "a" % {b}', "w" * 100), (0.123456, 0.7000001, 0.3), "odd"
)
WHOLE = TileIndex(9, NORTH_WEST.x >> 5, NORTH_WEST.y >> 5)
COUNTS = """
query ($bounds: BoundsInput!, %s) {
  tilesInBounds(bounds: $bounds) { nodes { z x y %s } }
}
"""


def address(tile: TileIndex, **query: str) -> str:
    return f"/labels/{tile.z}/{tile.x}/{tile.y}.mvt" + (f"?{urlencode(query)}" if query else "")


def get(api: Api, tile: TileIndex, **query: str) -> list[Feature]:
    response = api.client.get(address(tile, **query))
    assert response.status_code == 200, response.text
    assert response.content_type == "application/vnd.mapbox-vector-tile"
    return read_tile(response.data)


def tile_json(api: Api, **query: str) -> dict:
    response = api.client.get("/labels.json", query_string=query)
    assert response.status_code == 200, response.text
    return response.get_json()


@pytest.fixture(scope="module")
def odd(api: Api) -> dict[int, dict[str, float]]:
    """Scores of the first 90 tiles by the model "odd", many of them at its boundaries or beside."""
    chance = random.Random(13)
    cutoffs = [*(n / 100 for n in range(101)), *ODD.thresholds]

    def made() -> float:
        near = np.float32(chance.choice(cutoffs))
        towards = np.float32(chance.choice((near, 0, 1)))
        return float(np.nextafter(near, towards))

    scores = {tile: {label: made() for label in ODD.labels} for tile in tile_ids(api.engine)[:90]}
    score(api.engine, scores, ODD)
    return scores


def test_every_boundary_counts_as_in_graphql(api: Api, odd: dict) -> None:
    found = tile_json(api, model="odd 1")
    edges = found["boundaries"]
    assert edges == sorted({n / 100 for n in range(1, 101)} | set(ODD.thresholds))
    properties = {}
    for x in range(WHOLE.x, WHOLE.x + 2):
        for y in range(WHOLE.y, WHOLE.y + 2):
            for each in get(api, WHOLE._replace(x=x, y=y), model="odd 1"):
                properties[each.id] = each.properties
    assert set(properties) == set(tile_ids(api.engine))
    ids = dict(zip(cells(), tile_ids(api.engine), strict=True))
    for first in range(0, len(edges), 8):
        some = edges[first : first + 8]
        names = ", ".join(f"$c{i}: Float!" for i in range(len(some)))
        fields = " ".join(
            f'k{i}: classification(model: "odd 1", cutoff: $c{i}) {{ labels }}'
            for i in range(len(some))
        )
        variables = {f"c{i}": cutoff for i, cutoff in enumerate(some)}
        query = COUNTS % (names, fields)
        nodes = api.ask(query, bounds=WHOLE_SCENE, **variables)["data"]["tilesInBounds"]["nodes"]
        for node in nodes:
            shown = properties[ids[node["z"], node["x"], node["y"]]]
            for i, cutoff in enumerate(some):
                least = bisect_right(edges, cutoff)
                said = {label for label in ODD.labels if shown.get(label, -1) >= least}
                counted = node[f"k{i}"]
                assert said == set(counted["labels"] if counted else ())
                assert shown["classified"] == (counted is not None)


def cells() -> list[tuple[int, int, int]]:
    """The tiles of the scene in the order of their ids."""
    return [
        (NORTH_WEST.z, NORTH_WEST.x + i, NORTH_WEST.y + j) for j in range(SIDE) for i in range(SIDE)
    ]


def test_threshold_counts_as_in_classify_point(api: Api, odd: dict) -> None:
    edges = tile_json(api, model="odd 1")["boundaries"]
    lat, lon = centre(TileIndex(14, NORTH_WEST.x + 2, NORTH_WEST.y + 1))
    query = """query ($lat: Float!, $lon: Float!) {
        classifyPoint(lat: $lat, lon: $lon, model: "odd 1") { labels } }"""
    counted = api.data(query, lat=lat, lon=lon)["classifyPoint"]["labels"]
    tile = TileIndex(18, (NORTH_WEST.x + 2) * 16 + 3, (NORTH_WEST.y + 1) * 16 + 9)
    [shown] = get(api, tile, model="odd 1")
    said = {
        label
        for label, threshold in zip(ODD.labels, ODD.thresholds, strict=True)
        if shown.properties[label] >= bisect_right(edges, threshold)
    }
    assert said == set(counted)


def test_single_tiles(api: Api, odd: dict) -> None:
    shown = get(api, WHOLE, model="odd 1")
    x, y = NORTH_WEST.x - (WHOLE.x << 5), NORTH_WEST.y - (WHOLE.y << 5)
    assert min(each.box[:2] for each in shown) == (x * 128, y * 128)
    assert all(each.clockwise for each in shown)
    assert {(each.box[2] - each.box[0], each.box[3] - each.box[1]) for each in shown} == {
        (128, 128)
    }
    assert all(edge % 128 == 0 for each in shown for edge in each.box)
    assert {each.properties["tiles"] for each in shown} == {1}
    assert {each.properties["z"] for each in shown} == {14}
    unknown = [each for each in shown if not each.properties["classified"]]
    assert {tuple(sorted(each.properties)) for each in unknown} <= {("classified", "tiles", "z")}


def test_tiles_larger_than_the_tile_are_cut(api: Api, odd: dict) -> None:
    corner = TileIndex(16, NORTH_WEST.x * 4 + 3, NORTH_WEST.y * 4)
    [shown] = get(api, corner, model="odd 1")
    assert shown.id == tile_ids(api.engine)[0]
    assert shown.box == (-64, 0, 4096, 4096 + 64)
    assert shown.clockwise


def test_cells_of_lower_zooms(api: Api, odd: dict) -> None:
    whole = TileIndex(6, NORTH_WEST.x >> 8, NORTH_WEST.y >> 8)
    ids = tile_ids(api.engine)
    expected: dict[tuple[int, int], list[int]] = {}
    for tile, (_, x, y) in zip(ids, cells(), strict=True):
        expected.setdefault((x >> 3, y >> 3), []).append(tile)
    edges = tile_json(api, model="odd 1")["boundaries"]
    shown = {each.box[:2]: each for each in get(api, whole, model="odd 1")}
    assert len(shown) == len(expected)
    for (x, y), tiles in expected.items():
        each = shown[(x - (whole.x << 5)) * 128, (y - (whole.y << 5)) * 128]
        known = [odd[tile] for tile in tiles if tile in odd]
        assert each.id is None
        assert each.properties["z"] == 11
        assert each.properties["tiles"] == len(tiles)
        assert each.properties["classified"] == len(known)
        for label, threshold in zip(ODD.labels, ODD.thresholds, strict=True):
            if not known:
                assert label not in each.properties
                assert f"share:{label}" not in each.properties
                continue
            mean = sum(round(row[label] * 1e6) for row in known) / len(known) / 1e6
            assert each.properties[label] == bisect_right(edges, mean)
            over = sum(float(str(np.float32(row[label]))) >= threshold for row in known)
            share = each.properties[f"share:{label}"]
            assert abs(share - 100 * over / len(known)) <= 1
            assert (share == 0) == (over == 0)
            assert (share == 100) == (over == len(known))


def test_filters(api: Api, odd: dict) -> None:
    where = json.dumps({"classified": False})
    assert {each.properties["classified"] for each in get(api, WHOLE, model="odd 1")} == {0, 1}
    shown = get(api, WHOLE, model="odd 1", where=where)
    assert {each.properties["classified"] for each in shown} <= {0}
    label = ODD.labels[0]
    cutoff = json.dumps({"labels": {"all": [{"label": label, "minScore": 0.5}]}})
    shown = get(api, WHOLE, model="odd 1", where=cutoff)
    assert {each.id for each in shown} < {tile for tile, row in odd.items() if row[label] >= 0.5}
    assert get(api, WHOLE, where=json.dumps({"acquired": {"from": "2030-01-01T00:00:00Z"}})) == []
    assert get(api, WHOLE, at="1990-01-01") != []


def test_default_model_has_no_scores_yet(api: Api) -> None:
    found = tile_json(api)
    assert found["model"] == {"name": "pixel", "version": "1"}
    assert found["labels"][0] == {"name": "clear", "threshold": 0.5}
    assert {each.properties["classified"] for each in get(api, WHOLE)} == {0}


def test_tile_json(api: Api, odd: dict) -> None:
    found = tile_json(api, model="odd 1", at="2030-01-01")
    assert found["tiles"] == ["http://localhost/labels/{z}/{x}/{y}.mvt?model=odd+1&at=2030-01-01"]
    assert (found["tilejson"], found["scheme"]) == ("3.0.0", "xyz")
    assert (found["minzoom"], found["maxzoom"]) == (0, 9)
    west, south, east, north = found["bounds"]
    assert west < east
    assert south < north
    [layer] = found["vector_layers"]
    assert layer["id"] == "labels"
    shares = {f"share:{label}" for label in ODD.labels}
    assert set(layer["fields"]) == {"tiles", "classified", "z", *ODD.labels, *shares}


def test_nothing_there_is_an_empty_tile(api: Api) -> None:
    response = api.client.get("/labels/3/7/7.mvt")
    assert (response.status_code, response.data) == (200, b"")


def test_etag(api: Api, odd: dict) -> None:
    first = api.client.get(address(WHOLE, model="odd 1"))
    asked = {"If-None-Match": first.headers["ETag"]}
    with api.statements() as seen:
        again = api.client.get(address(WHOLE, model="odd 1"), headers=asked)
    assert (again.status_code, again.data) == (304, b"")
    # One finds the model by its name.
    assert len(seen) == 2
    assert again.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    assert api.client.get(address(WHOLE), headers=asked).status_code == 200
    where = json.dumps({"zoom": 14})
    assert api.client.get(address(WHOLE, model="odd 1", where=where), headers=asked).data


@pytest.mark.parametrize("zoom", [0, 3, 6, 9, 12, 16])
def test_etag_moves_with_each_change(fresh_api: Api, zoom: int) -> None:
    ids = tile_ids(fresh_api.engine)
    score(fresh_api.engine, {}, ODD)
    corner = TileIndex(24, NORTH_WEST.x << 10, NORTH_WEST.y << 10)
    path = address(TileIndex(zoom, corner.x >> (24 - zoom), corner.y >> (24 - zoom)))
    states, changes = (
        [],
        [
            "SELECT 1",
            f"UPDATE tile_score SET scores[1] = 0.9 WHERE tile_id = {ids[0]}",
            "UPDATE scene SET acquired_at = now()",
            f"DELETE FROM tile_score WHERE tile_id = {ids[0]}",
            f"DELETE FROM tile WHERE id = {ids[0]}",
            "DELETE FROM scene",
        ],
    )
    states.append(fresh_api.client.get(path + "?model=odd").headers["ETag"])
    score(fresh_api.engine, {ids[0]: {"forest": 0.4}}, ODD)
    for change in changes:
        with fresh_api.engine.begin() as conn:
            conn.exec_driver_sql(change)
        states.append(fresh_api.client.get(path + "?model=odd").headers["ETag"])
    assert len(set(states)) == len(states)


def test_etag_stays_where_nothing_changed(fresh_api: Api) -> None:
    ids = tile_ids(fresh_api.engine)
    score(fresh_api.engine, {}, ODD)
    near, far = address(WHOLE), "/labels/9/5/5.mvt"
    before = [fresh_api.client.get(path).headers["ETag"] for path in (near, far)]
    score(fresh_api.engine, {ids[0]: {"forest": 0.4}}, ODD)
    assert [fresh_api.client.get(path).headers["ETag"] for path in (near, far)] == before
    far_odd = fresh_api.client.get(far + "?model=odd").headers["ETag"]
    score(fresh_api.engine, {ids[1]: {"forest": 0.4}}, ODD)
    assert fresh_api.client.get(far + "?model=odd").headers["ETag"] == far_odd


def test_too_many_tiles_for_a_filter(fresh_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "MOST_TILES", 40)
    where = json.dumps({"zoom": 14})
    lowest = tile_json(fresh_api, where=where)["minzoom"]
    assert lowest == 12
    assert tile_json(fresh_api)["minzoom"] == 0
    around = TileIndex(9, NORTH_WEST.x >> 5, NORTH_WEST.y >> 5)
    response = fresh_api.client.get(address(around, where=where))
    assert response.status_code == 422
    [error] = response.get_json()["errors"]
    assert error["extensions"]["code"] == "AREA_TOO_LARGE"
    assert "from zoom 12 on" in error["message"]
    assert get(fresh_api, around) != []
    for x in range(3):
        for y in range(3):
            tile = TileIndex(12, (NORTH_WEST.x >> 2) + x, (NORTH_WEST.y >> 2) + y)
            assert get(fresh_api, tile, where=where) != []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/labels/25/0/0.mvt", 400, "BAD_USER_INPUT"),
        ("/labels/3/8/0.mvt", 400, "BAD_USER_INPUT"),
        ("/labels/3/0/0.pbf", 404, "NOT_FOUND"),
        ("/labels/3/0/0.mvt?model=none", 404, "NOT_FOUND"),
        ("/labels/3/0/0.mvt?at=yesterday", 400, "BAD_USER_INPUT"),
        ("/labels/3/0/0.mvt?scene=lake", 400, "BAD_USER_INPUT"),
        ("/labels/3/0/0.mvt?where=1", 400, "BAD_USER_INPUT"),
        ("/labels/3/0/0.mvt?where={", 400, "BAD_USER_INPUT"),
        ('/labels/3/0/0.mvt?where={"zoom":"4"}', 400, "BAD_USER_INPUT"),
        ('/labels/3/0/0.mvt?where={"scene":"none"}', 400, "BAD_USER_INPUT"),
        ("/labels/3/0/0.mvt?model=pixel&model=odd", 400, "BAD_USER_INPUT"),
        ('/labels.json?where={"colour":1}', 400, "BAD_USER_INPUT"),
        ("/labels.json?model=none", 404, "NOT_FOUND"),
        ("/labels.json?cutoff=0.5", 400, "BAD_USER_INPUT"),
    ],
)
def test_bad_addresses(api: Api, path: str, status: int, code: str) -> None:
    response = api.client.get(path)
    assert response.status_code == status, response.text
    [error] = response.get_json()["errors"]
    assert error["extensions"]["code"] == code
