"""``tilesInBounds``: what is in a viewport."""

import base64
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from support.api_client import (
    NORTH_WEST,
    SCENE,
    SIDE,
    WHOLE_SCENE,
    ZOOM,
    Api,
    ingest,
    make_api,
    viewport,
    write_raster,
)

from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex

PAGE = """
query ($bounds: BoundsInput!, $first: Int! = 100, $after: String, $scene: String) {
  tilesInBounds(bounds: $bounds, first: $first, after: $after, scene: $scene) {
    nodes { id z x y }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


def test_all_tiles_of_a_viewport_and_no_others(api: Api) -> None:
    page = api.data(PAGE, bounds=WHOLE_SCENE)["tilesInBounds"]
    found = {(n["z"], n["x"], n["y"]) for n in page["nodes"]}
    assert found == {
        (ZOOM, NORTH_WEST.x + i, NORTH_WEST.y + j) for i in range(SIDE) for j in range(SIDE)
    }
    assert len(page["nodes"]) == 100
    assert page["pageInfo"]["hasNextPage"] is False
    part = api.data(PAGE, bounds=viewport(NORTH_WEST, 3, 2))["tilesInBounds"]
    assert {(n["x"], n["y"]) for n in part["nodes"]} == {
        (NORTH_WEST.x + i, NORTH_WEST.y + j) for i in range(3) for j in range(2)
    }


def panned(bounds: dict[str, float], turns: int) -> dict[str, float]:
    """The same rectangle as a map gives it after so many turns round the world."""
    return {
        edge: value + 360 * turns * (edge in ("west", "east")) for edge, value in bounds.items()
    }


def test_longitudes_are_wrapped(api: Api) -> None:
    query = """query ($b: BoundsInput, $p: GeoJSON) {
      tilesInBounds(bounds: $b) { totalCount nodes { x y } } viewport(bounds: $b) { ids }
      labelHistogram(bounds: $b) { tiles areaKm2 }
      summed: labelHistogram(polygon: $p) { tiles areaKm2 }
      within: tilesInBounds(where: {within: $p}) { nodes { x y } }
    }"""
    part = viewport(NORTH_WEST, 3, 2)
    here = api.data(query, b=part, p=outline(part))
    assert here["tilesInBounds"]["totalCount"] == here["labelHistogram"]["tiles"] == 6
    assert here["within"]["nodes"] == here["tilesInBounds"]["nodes"]
    for turns in (-1, 1):
        turned = panned(part, turns)
        found = api.data(query, b=turned, p=outline(turned))
        for sums in ("labelHistogram", "summed"):
            near = pytest.approx(here[sums]["areaKm2"], rel=1e-9)
            assert found[sums] == {"tiles": 6, "areaKm2": near}
            found[sums] = here[sums]
        assert found == here
    world = {**part, "west": -190, "east": 190}
    found = api.data(query, b=world, p=outline(world))
    assert found["tilesInBounds"]["totalCount"] == found["labelHistogram"]["tiles"] == 2 * SIDE
    assert found["within"]["nodes"] == found["tilesInBounds"]["nodes"]
    assert found["summed"]["tiles"] == 2 * SIDE
    near = pytest.approx(found["labelHistogram"]["areaKm2"], rel=1e-6)
    assert found["summed"]["areaKm2"] == near
    for wrong in (540.5, -1e9):
        assert api.codes(PAGE, bounds={**part, "east": wrong}) == ["BAD_USER_INPUT"]


def outline(bounds: dict[str, float]) -> dict[str, Any]:
    west, south, east, north = (bounds[edge] for edge in ("west", "south", "east", "north"))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_pages_are_complete_and_stable(api: Api) -> None:
    whole = [n["id"] for n in api.data(PAGE, bounds=WHOLE_SCENE)["tilesInBounds"]["nodes"]]
    seen: list[str] = []
    after, previous = None, False
    while True:
        page = api.data(PAGE, bounds=WHOLE_SCENE, first=7, after=after)["tilesInBounds"]
        assert [edge["node"]["id"] for edge in page["edges"]] == [n["id"] for n in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is previous
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
        seen += [n["id"] for n in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after, previous = page["pageInfo"]["endCursor"], True
    assert seen == whole
    middle = api.data(PAGE, bounds=WHOLE_SCENE, first=7)["tilesInBounds"]["edges"][3]["cursor"]
    rest = api.data(PAGE, bounds=WHOLE_SCENE, after=middle)["tilesInBounds"]["nodes"]
    assert [n["id"] for n in rest] == whole[4:]


def test_a_full_last_page_has_no_next(api: Api) -> None:
    page = api.data(PAGE, bounds=WHOLE_SCENE, first=100)["tilesInBounds"]
    assert page["pageInfo"]["hasNextPage"] is False
    page = api.data(PAGE, bounds=WHOLE_SCENE, first=99)["tilesInBounds"]
    assert page["pageInfo"]["hasNextPage"] is True


def test_nowhere_is_an_empty_page(api: Api) -> None:
    page = api.data(PAGE, bounds={"west": 0, "south": 0, "east": 1, "north": 1})["tilesInBounds"]
    assert page["nodes"] == page["edges"] == []
    assert page["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"bounds": {**WHOLE_SCENE, "south": 80}},
        {"bounds": {**WHOLE_SCENE, "north": 91}},
        {"bounds": {**WHOLE_SCENE, "west": -541}},
        {"bounds": {**WHOLE_SCENE, "west": None}},
        {"bounds": {"west": 1}},
        {"first": 0},
        {"first": -1},
        {"first": 1001},
        {"first": 2**31},
        {"after": "nonsense"},
        {"after": ""},
        {"after": "VGlsZToxMA=="},
        {"after": base64.b64encode(b"Cursor:5").decode()},
        {"scene": "none"},
    ],
    ids=str,
)
def test_wrong_arguments(api: Api, wrong: dict[str, Any]) -> None:
    assert set(api.codes(PAGE, **({"bounds": WHOLE_SCENE} | wrong))) == {"BAD_USER_INPUT"}


def test_across_the_antimeridian(fresh_engine: Engine, tmp_path: Path) -> None:
    last = (1 << ZOOM) - 1
    for name, x in (("west", 0), ("east", last - 1)):
        path = write_raster(tmp_path / f"{name}.tif", TileIndex(ZOOM, x, 6000), 2, 1)
        ingest(fresh_engine, path, name)
    api = make_api(fresh_engine)
    _, south, _, north = grid.tile_bounds(TileIndex(ZOOM, 0, 6000))
    band = {"south": south + 1e-6, "north": north - 1e-6}
    nodes = api.data(PAGE, bounds={"west": 179.9, "east": -179.9, **band})["tilesInBounds"]["nodes"]
    assert sorted(n["x"] for n in nodes) == [0, 1, last - 1, last]
    nodes = api.data(PAGE, bounds={"west": -179.9, "east": 179.9, **band})["tilesInBounds"]["nodes"]
    assert nodes == []


def test_tile_fields(api: Api) -> None:
    node = api.data(
        """query ($bounds: BoundsInput!) { tilesInBounds(bounds: $bounds) { nodes {
          z x y quadkey bounds { west south east north } footprint imageUrl
          scene { name zoom bounds { west south east north } acquiredAt attribution tileCount }
        } } }""",
        bounds=viewport(NORTH_WEST, 1, 1),
    )["tilesInBounds"]["nodes"][0]
    west, south, east, north = grid.tile_bounds(NORTH_WEST)
    assert node["quadkey"] == grid.quadkey(NORTH_WEST)
    assert node["bounds"] == {"west": west, "south": south, "east": east, "north": north}
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    assert node["footprint"] == {"type": "Polygon", "coordinates": [ring]}
    assert node["imageUrl"].startswith("http://localhost/tiles/")
    assert api.client.get(node["imageUrl"]).content_type == "image/png"
    scene = node["scene"]
    assert (scene["name"], scene["zoom"], scene["tileCount"]) == (SCENE, ZOOM, 100)
    assert scene["acquiredAt"] is scene["attribution"] is None
    last = TileIndex(ZOOM, NORTH_WEST.x + SIDE - 1, NORTH_WEST.y + SIDE - 1)
    _, scene_south, scene_east, _ = grid.tile_bounds(last)
    assert scene["bounds"] == pytest.approx(
        {"west": west, "south": scene_south, "east": scene_east, "north": north}
    )
