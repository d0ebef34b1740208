"""How far a tile is from what the model was trained on: computed, stored, and told everywhere."""

import csv
import io
import json
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, WHOLE_SCENE, Api, centre, make_api, viewport
from support.pixel_classifier import PixelClassifier, pixel_distances

from earthgql.catalog.scores import as_real

TILES = """
query ($b: BoundsInput!) { tilesInBounds(bounds: $b) {
  nodes { x y imageUrl classification { domainDistance } } } }
"""
POINT = """
query ($lat: Float!, $lon: Float!) { classifyPoint(lat: $lat, lon: $lon) { domainDistance } }
"""
COLUMNS = """
query ($b: BoundsInput!, $infer: Boolean! = true) {
  viewport(bounds: $b, first: 200, infer: $infer) { x y domainDistances } }
"""
BOUNDS = viewport(NORTH_WEST, 3, 2)


@pytest.fixture
def told(fresh_api: Api) -> Api:
    """An application whose model tells distances, and that has stored nothing."""
    return make_api(fresh_api.engine, PixelClassifier(tells_distances=True))


def expected(api: Api, address: str) -> float:
    pixels = np.asarray(Image.open(io.BytesIO(api.client.get(address).data)).convert("RGB"))
    return as_real(pixel_distances(pixels[None]))[0]


def by_place(view: dict[str, Any]) -> dict[tuple[int, int], float | None]:
    places = zip(view["x"], view["y"], strict=True)
    return dict(zip(places, view["domainDistances"], strict=True))


def test_tiles_tell_it_before_and_after_it_is_stored(told: Api) -> None:
    cold = told.data(TILES, b=BOUNDS)["tilesInBounds"]["nodes"]
    found = [node["classification"]["domainDistance"] for node in cold]
    assert found == [expected(told, node["imageUrl"]) for node in cold]
    assert min(found) < 1 < max(found), "tiles must differ for this to tell"
    assert told.data(TILES, b=BOUNDS)["tilesInBounds"]["nodes"] == cold
    assert told.classifier.tiles == 6
    lat, lon = centre(NORTH_WEST)
    [first] = [node for node in cold if (node["x"], node["y"]) == NORTH_WEST[1:]]
    assert told.data(POINT, lat=lat, lon=lon)["classifyPoint"] == first["classification"]


def test_a_viewport_has_a_column_of_it(told: Api) -> None:
    told.data(TILES, b=BOUNDS)
    known = by_place(told.data(COLUMNS, b=WHOLE_SCENE, infer=False)["viewport"])
    assert sum(value is None for value in known.values()) == 94
    cold = by_place(told.data(COLUMNS, b=WHOLE_SCENE)["viewport"])
    assert None not in cold.values()
    assert all(cold[place] == value for place, value in known.items() if value is not None)
    assert by_place(told.data(COLUMNS, b=WHOLE_SCENE)["viewport"]) == cold


def test_it_is_null_where_it_is_not_known(fresh_api: Api) -> None:
    nodes = fresh_api.data(TILES, b=BOUNDS)["tilesInBounds"]["nodes"]
    assert {node["classification"]["domainDistance"] for node in nodes} == {None}
    assert set(by_place(fresh_api.data(COLUMNS, b=BOUNDS)["viewport"]).values()) == {None}
    # Another start with statistics is another model; the scores kept of this one have none.
    told = make_api(fresh_api.engine, PixelClassifier(tells_distances=True))
    nodes = told.data(TILES, b=BOUNDS)["tilesInBounds"]["nodes"]
    assert {node["classification"]["domainDistance"] for node in nodes} == {None}


def test_an_upload_is_told_it(told: Api, fresh_engine: Engine) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), (20, 170, 20)).save(picture, "PNG")
    for api, distance in ((told, 2.0), (make_api(told.engine), None)):
        form = {"image": (io.BytesIO(picture.getvalue()), "green.png")}
        answer = api.client.post("/classify", data=form)
        assert answer.status_code == 200
        assert answer.get_json()["domainDistance"] == distance


def test_exports_have_a_column_of_it(told: Api) -> None:
    nodes = told.data(TILES, b=BOUNDS)["tilesInBounds"]["nodes"]
    distances = {(n["x"], n["y"]): n["classification"]["domainDistance"] for n in nodes}
    features = json.loads(exported(told, "geojson"))["features"]
    rows = [feature["properties"] for feature in features]
    assert len(rows) == 100
    for row in rows:
        assert row["domain_distance"] == distances.get((row["x"], row["y"]))
    cells = list(csv.DictReader(io.StringIO(exported(told, "csv").decode())))
    assert [row["domain_distance"] for row in cells] == [
        "" if row["domain_distance"] is None else str(row["domain_distance"]) for row in rows
    ]
    table = pq.read_table(io.BytesIO(exported(told, "parquet")))
    assert str(table.schema.field("domain_distance").type) == "float"
    found = table.column("domain_distance").to_pylist()
    assert [None if v is None else as_real([v])[0] for v in found] == [
        row["domain_distance"] for row in rows
    ]


def exported(api: Api, ending: str) -> bytes:
    response = api.client.get(f"/export/tiles.{ending}")
    assert response.status_code == 200
    return response.data
