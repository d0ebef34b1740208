"""``/export/tiles.*``: what is written, opened again by those it is for."""

import io
import json
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest
import shapely
from sqlalchemy import Engine, text
from support.api_client import (
    NORTH_WEST,
    SCENE,
    SIDE,
    WHOLE_SCENE,
    Api,
    ingest,
    make_api,
    viewport,
    write_raster,
)
from support.job_scene import wait_until
from support.pixel_classifier import PIXEL_IDENTITY
from test_server import get, served

from earthgql.database.engine import engine_on
from earthgql.errors import DatabaseUnavailableError, DeadlineError
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.web import exports as web_exports

LABELS = PIXEL_IDENTITY.labels
# What a spreadsheet would run.
NAME = "=cmd|'lake'!A1"
ALL = """
query ($b: BoundsInput!) {
  tilesInBounds(bounds: $b, first: 1000) {
    nodes { id z x y quadkey classification(cutoff: 0) { scores { label score } } }
  }
}
"""
CORNER = viewport(NORTH_WEST, 2, 1)
BOUNDS = ",".join(str(CORNER[edge]) for edge in ("west", "south", "east", "north"))
FORMATS = ("geojson", "csv", "parquet")


@pytest.fixture(scope="module")
def known(module_engine: Engine, raster: Path) -> Api:
    """100 tiles; those of the three northern rows are classified, the others never were."""
    ingest(module_engine, raster, NAME, acquired_at=datetime(2024, 8, 1, 12, tzinfo=UTC))
    api = make_api(module_engine)
    api.data(ALL, b=viewport(NORTH_WEST, 10, 3))
    return api


def fetch(api: Api, ending: str, **query: Any) -> Any:
    return api.client.get(f"/export/tiles.{ending}", query_string=query)


def as_json(query: dict[str, str]) -> dict[str, Any]:
    """What a POST has for a query string."""
    kinds: dict[str, Any] = {"where": json.loads, "polygon": json.loads, "zoom": int}
    posted: dict[str, Any] = dict(query)
    for name, kind in {**kinds, "cutoff": float}.items():
        if name in posted:
            with suppress(ValueError, RecursionError):
                posted[name] = kind(posted[name])
    return posted


def frame(api: Api, ending: str, **query: Any) -> geopandas.GeoDataFrame:
    """Open an export as others would."""
    response = fetch(api, ending, **query)
    assert response.status_code == 200, response.text
    content = io.BytesIO(response.data)
    if ending == "parquet":
        return geopandas.read_parquet(content)
    if ending == "geojson":
        return geopandas.read_file(content, engine="pyogrio")
    table = pandas.read_csv(content)
    shapes = geopandas.GeoSeries.from_wkt(table.pop("wkt"), crs="OGC:CRS84")
    return geopandas.GeoDataFrame(table, geometry=shapes)


def tiles(api: Api, **bounds: float) -> list[dict[str, Any]]:
    """The same tiles as GraphQL answers them."""
    nodes: list[dict[str, Any]] = api.data(ALL, b=bounds)["tilesInBounds"]["nodes"]
    return nodes


def test_longitudes_are_wrapped(known: Api) -> None:
    here = fetch(known, "csv", bounds=BOUNDS)
    west, south, east, north = (CORNER[edge] for edge in ("west", "south", "east", "north"))
    for turn in (-360, 360):
        told = f"{west + turn},{south},{east + turn},{north}"
        assert fetch(known, "csv", bounds=told).text == here.text
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        turned = [[lon + turn, lat] for lon, lat in ring]
        polygon = json.dumps({"type": "Polygon", "coordinates": [turned]})
        assert fetch(known, "csv", polygon=polygon).text == here.text
    posted = {"bounds": [-190, south, 190, north]}
    assert known.client.post("/export/tiles.csv", json=posted).text.count("\r\n") == SIDE + 1
    for wrong in ("541", "nan", "inf"):
        response = fetch(known, "csv", bounds=f"{wrong},{south},{east},{north}")
        assert response.status_code == 400
        assert "west must be between -540 and 540" in response.text


@pytest.mark.parametrize("ending", FORMATS)
def test_round_trip(known: Api, ending: str) -> None:
    found = frame(known, ending)
    assert len(found) == 100
    assert found.crs.to_authority() in (("OGC", "CRS84"), ("EPSG", "4326"))
    assert list(found["id"]) == sorted(found["id"])
    for entry, shape in zip(found.itertuples(), found.geometry, strict=True):
        index = TileIndex(entry.z, entry.x, entry.y)
        assert shapely.equals_exact(shape, shapely.Polygon(grid.footprint(index)), 1e-12)
        assert shape.exterior.is_ccw
        assert entry.area_km2 == pytest.approx(grid.area_m2(index) / 1e6, rel=1e-12)
    assert set(found["quadkey"].astype(str).str.lstrip("0")) == {
        grid.quadkey(TileIndex(e.z, e.x, e.y)).lstrip("0") for e in found.itertuples()
    }
    apostrophe = "'" if ending == "csv" else ""
    assert set(found["scene"]) == {apostrophe + NAME}
    assert set(found["model"]) == {"pixel 1"}
    assert set(pandas.to_datetime(found["acquired_at"], utc=True)) == {
        pandas.Timestamp("2024-08-01T12:00:00Z")
    }


@pytest.mark.parametrize("ending", FORMATS)
def test_scores_are_those_that_are_stored(known: Api, ending: str) -> None:
    found = frame(known, ending).set_index(["x", "y"])
    nodes = tiles(known, **viewport(NORTH_WEST, 10, 3))
    for node in nodes:
        entry = found.loc[(node["x"], node["y"])]
        scores = {e["label"]: e["score"] for e in node["classification"]["scores"]}
        for label in LABELS:
            assert np.float32(entry[f"score_{label}"]) == np.float32(scores[label])
        above = [e["label"] for e in node["classification"]["scores"] if e["score"] >= 0.5]
        listed = entry["labels"]
        if ending == "csv":
            listed = listed.split(";") if isinstance(listed, str) else []
        assert list(listed) == above
    rest = found[found.index.get_level_values("y") >= NORTH_WEST.y + 3]
    assert len(rest) == 70
    assert rest[[f"score_{label}" for label in LABELS]].isna().all(axis=None)
    assert rest["classified_at"].isna().all()
    assert known.classifier.tiles == 30, "an export classifies nothing"


def test_geojson_is_one(known: Api) -> None:
    response = fetch(known, "geojson", bounds=BOUNDS)
    assert response.content_type == "application/geo+json"
    assert response.headers["Content-Disposition"] == 'attachment; filename="tiles.geojson"'
    assert response.headers["Cache-Control"] == "no-store"
    collection = response.get_json(force=True)
    assert set(collection) == {"type", "features"}
    first = collection["features"][0]
    assert set(first) == {"type", "id", "geometry", "properties"}
    assert first["id"] == first["properties"]["id"]
    index = TileIndex(*(first["properties"][name] for name in "zxy"))
    assert index == NORTH_WEST
    assert first["geometry"] == {
        "type": "Polygon",
        "coordinates": [[list(corner) for corner in grid.footprint(index)]],
    }
    assert first["properties"]["acquired_at"] == "2024-08-01T12:00:00Z"


def test_csv_is_one(known: Api) -> None:
    response = fetch(known, "csv", bounds=BOUNDS)
    assert response.mimetype == "text/csv"
    names, *lines = response.text.split("\r\n")
    assert names == (
        "id,scene,acquired_at,z,x,y,quadkey,area_km2,model,classified_at,labels,"
        + ",".join(f"score_{label}" for label in LABELS)
        + ",domain_distance,west,south,east,north,wkt"
    )
    assert len(lines) == 3
    assert lines[-1] == ""
    assert all(",'=cmd|'lake'!A1,2024-08-01T12:00:00Z,14," in line for line in lines[:2])


def test_geoparquet_is_one(known: Api) -> None:
    response = fetch(known, "parquet", bounds=BOUNDS)
    assert response.content_type == "application/vnd.apache.parquet"
    file = pq.ParquetFile(io.BytesIO(response.data))
    geo = json.loads(file.schema_arrow.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["primary_column"] == "geometry"
    assert geo["columns"]["geometry"]["encoding"] == "WKB"
    assert geo["columns"]["geometry"]["geometry_types"] == ["Polygon"]
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert "crs" not in geo["columns"]["geometry"], "longitude, latitude: the default"
    assert str(file.schema_arrow.field("score_road").type) == "float"
    assert str(file.schema_arrow.field("acquired_at").type) == "timestamp[us, tz=UTC]"
    near = grid.tile_bounds(NORTH_WEST)
    inside = geopandas.read_parquet(
        io.BytesIO(fetch(known, "parquet").data),
        bbox=(near.west + 1e-6, near.south + 1e-6, near.east - 1e-6, near.north - 1e-6),
    )
    assert [(e.x, e.y) for e in inside.itertuples()] == [(NORTH_WEST.x, NORTH_WEST.y)]


def test_what_may_be_asked(known: Api) -> None:
    nodes = tiles(known, **viewport(NORTH_WEST, 10, 3))
    best = {
        node["id"]: {e["label"]: e["score"] for e in node["classification"]["scores"]}
        for node in nodes
    }
    roads = sorted(scores["road"] for scores in best.values())
    floor = roads[-5]
    ring = [list(corner) for corner in grid.footprint(NORTH_WEST)]
    for query, count in (
        ({"bounds": BOUNDS}, 2),
        ({"polygon": json.dumps({"type": "Polygon", "coordinates": [ring]})}, 1),
        ({"where": json.dumps({"classified": True})}, 30),
        ({"where": json.dumps({"classified": False})}, 70),
        ({"where": json.dumps({"labels": {"any": [{"label": "road", "minScore": floor}]}})}, 5),
        ({"scene": NAME}, 100),
        ({"zoom": "14"}, 100),
        ({"zoom": "13"}, 0),
        ({"at": "2024-08-01T12:00:00Z"}, 100),
        ({"at": "2024-08-01T11:59:59Z"}, 0),
        ({"model": "pixel 1", "bounds": BOUNDS}, 2),
        ({"model": "1", "bounds": BOUNDS, "zoom": "14"}, 2),
        ({"bounds": "0,0,1,1"}, 0),
        ({"bounds": "0,86,1,87"}, 0),
    ):
        features = fetch(known, "geojson", **query).get_json(force=True)["features"]
        assert len(features) == count, query
        body = known.client.post("/export/tiles.geojson", json=as_json(query)).get_json(force=True)
        assert body["features"] == features
    for ending in FORMATS:
        assert len(frame(known, ending, bounds="0,0,1,1")) == 0


def test_cutoffs_decide_what_is_listed(known: Api) -> None:
    query = {"cutoff": "0", "cutoffs": '{"road": 1}', "bounds": BOUNDS}
    for feature in fetch(known, "geojson", **query).get_json(force=True)["features"]:
        listed = feature["properties"]["labels"]
        assert sorted(listed) == sorted(set(LABELS) - {"road"})
        scores = [feature["properties"][f"score_{label}"] for label in listed]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({"bound": "0,0,1,1"}, 400, "exports have no 'bound'; they take bounds, polygon"),
        ({"bounds": "1,2,3"}, 400, "bounds must be WEST,SOUTH,EAST,NORTH"),
        ({"bounds": "a,b,c,d"}, 400, "bounds must be WEST,SOUTH,EAST,NORTH"),
        ({"bounds": "0,1,1,0"}, 400, "south"),
        ({"bounds": "0,nan,1,0"}, 400, "nan"),
        ({"bounds": BOUNDS, "polygon": "{}"}, 400, "give one area"),
        ({"at": "2017"}, 400, "at: a time is written as 2024-08-01T12:00:00Z"),
        ({"at": "1722470400"}, 400, "at: a time is written as"),
        ({"at": "2024-08-01T12:00:00+23:59"}, 400, "at: a time is written as"),
        ({"at": "2024-08-01T12:00:00-16:00"}, 400, "at: a time is written as"),
        ({"at": "2024-08-01T12:00:00.5+01:00:00.5"}, 400, "at: a time is written as"),
        ({"at": "20240801"}, 400, "at: a time is written as"),
        ({"zoom": "9" * 400}, 400, "zoom must be between 0 and 24, not " + "9" * 57 + "..."),
        ({"cutoffs": '{"road": "0.5"}'}, 400, "cutoffs.road: must be a number"),
        ({"cutoffs": '{"road": true}'}, 400, "cutoffs.road: must be a number"),
        ({"cutoffs": '{"road": 0.5, "road": 0.6}'}, 400, "cutoffs gives 'road' twice"),
        ({"cutoffs": '{"road": %s}' % ("9" * 400)}, 400, "cutoffs.road: must be a number"),
        ({"scene": "m" * 400}, 400, f"no scene is named '{'m' * 57}...'"),
        ({"polygon": "[1]"}, 400, "polygon: must be an object"),
        ({"polygon": "{"}, 400, "polygon: it is not JSON"),
        ({"polygon": '{"type": "Point"}'}, 400, "Polygon"),
        ({"where": '{"label": 1}'}, 400, "where.label: there is nothing of this name"),
        ({"where": '{"labels": {"any": [{"label": "raod"}]}}'}, 400, "'road'"),
        ({"where": "["}, 400, "where: it is not JSON"),
        ({"where": "[" * 100_000}, 400, "where: it is not JSON"),
        ({"zoom": "x"}, 400, "zoom: must be a whole number"),
        ({"zoom": "99"}, 400, "zoom must be between 0 and 24"),
        ({"scene": "moon"}, 400, "no scene is named 'moon'"),
        ({"scene": "a\0b"}, 400, "scene"),
        ({"at": "yesterday"}, 400, "at: "),
        ({"cutoff": "2"}, 400, "cutoff must be between 0 and 1"),
        ({"cutoffs": '{"raod": 0.5}'}, 400, "'road'"),
        ({"model": "9.9"}, 404, "no model '9.9'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_may_not(known: Api, query: dict[str, str], status: int, message: str) -> None:
    # Longer ones would not fit into a URL.
    response = known.client.post("/export/tiles.csv", json=as_json(query))
    assert response.status_code == status
    [error] = response.get_json()["errors"]
    assert message in error["message"]
    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "NOT_FOUND")
    if len(str(query)) < 1000:
        assert message in fetch(known, "csv", **query).get_json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"at": 0}, "at: a time is written as"),
        ({"at": 2017}, "at: a time is written as"),
        ({"at": True}, "at: a time is written as"),
        ({"zoom": "14"}, "zoom: must be a whole number"),
        ({"zoom": True}, "zoom: must be a whole number"),
        ({"cutoff": "0.5"}, "cutoff: must be a number"),
        ({"scene": 5}, "scene: must be text"),
        ({"where": []}, "where: must be an object"),
        ({"cutoff": True}, "cutoff: must be a number"),
        ({"bounds": [1, 2, 3]}, "bounds must be WEST,SOUTH,EAST,NORTH"),
        ({"bounds": [True, 2, 3, 4]}, "bounds must be WEST,SOUTH,EAST,NORTH"),
        ({"where": {"acquired": {"from": 0}}}, "where.acquired.from: a time is written as"),
        ({"where": {"zoom": "15"}}, "where.zoom: "),
        ({"where": {"classified": "yes"}}, "where.classified: "),
        ({"where": {"labels": {"all": [{"label": "road", "minScore": "1"}]}}}, "minScore: "),
    ],
    ids=str,
)
def test_nothing_in_json_is_taken_for_what_it_is_not(
    known: Api, form: dict[str, Any], message: str
) -> None:
    response = known.client.post("/export/tiles.csv", json=form)
    assert response.status_code == 400
    assert message in response.get_json()["errors"][0]["message"]


def test_what_a_date_means(known: Api) -> None:
    """The scene is of noon of the first of August: a date is its midnight, in UTC."""
    for at, count in (
        ("2024-08-01", 0),
        ("2024-08-02", 100),
        ("2024-08-01T12:00", 100),
        ("2024-08-01T11:59:59", 0),
        ("2024-08-01T13:00:00+02:00", 0),
        ("2024-08-01T14:00:00+02:00", 100),
    ):
        with fetch(known, "geojson", at=at) as response:
            assert len(response.get_json(force=True)["features"]) == count, at


def test_a_body_of_more_than_a_megabyte(known: Api) -> None:
    response = known.client.post("/export/tiles.csv", json={"scene": "x" * 1_000_000})
    assert response.status_code == 413
    assert response.get_json()["errors"] == [
        {
            "message": "the body of a request may have 1,000,000 bytes here",
            "extensions": {"code": "REQUEST_TOO_LARGE"},
        }
    ]


def test_other_faults(known: Api) -> None:
    assert fetch(known, "xlsx").status_code == 404
    twice = known.client.get("/export/tiles.csv?zoom=1&zoom=2")
    assert (twice.status_code, twice.get_json()["errors"][0]["message"]) == (
        400,
        "zoom is given more than once",
    )
    both = known.client.post("/export/tiles.csv?zoom=3", json={})
    assert (both.status_code, both.get_json()["errors"][0]["message"]) == (
        400,
        "give zoom in the body, not in the address",
    )
    for body in (b"", b"[]", b"null", b"{", b"[" * 100_000):
        response = known.client.post(
            "/export/tiles.csv", data=body, content_type="application/json"
        )
        assert response.status_code == 400
    assert known.client.delete("/export/tiles.csv").status_code == 405


def test_a_polygon_of_ten_thousand_corners(known: Api) -> None:
    west, south, east, north = grid.tile_bounds(NORTH_WEST)
    angles = np.linspace(0, 2 * np.pi, 9_999)
    lons = (west + east) / 2 + (east - west) / 3 * np.cos(angles)
    lats = (south + north) / 2 + (north - south) / 3 * np.sin(angles)
    ring = [[lon, lat] for lon, lat in zip(lons.tolist(), lats.tolist(), strict=True)]
    body = {"polygon": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}}
    response = known.client.post("/export/tiles.geojson", json=body)
    [feature] = response.get_json(force=True)["features"]
    assert [feature["properties"][name] for name in "zxy"] == list(NORTH_WEST)


def test_one_statement(known: Api) -> None:
    for ending in FORMATS:
        with known.statements() as seen:
            assert fetch(known, ending).status_code == 200
        assert len(seen) == 1, seen
    head = known.client.head("/export/tiles.csv")
    assert (head.status_code, head.data) == (200, b"")
    head.close()
    assert known.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def grow(engine: Engine, tiles: int) -> None:
    """Add a scene of many tiles, without pictures, south of the others."""
    with engine.begin() as connection:
        connection.execute(
            text("""
WITH made AS (
  INSERT INTO scene (name, kind, uri, root, zoom, footprint, fingerprint)
  VALUES ('many', 'raster', '/none', '/', 18, ST_MakeEnvelope(0, -60, 20, -50, 4326), '')
  RETURNING id)
INSERT INTO tile (scene_id, z, x, y, footprint, area_m2)
SELECT made.id, 18, 131072 + i % 1000, 180000 + i / 1000,
       ST_MakeEnvelope(0.001 * (i % 1000), -54.0 - 0.001 * (i / 1000),
                       0.001 * (i % 1000 + 1), -54.0 - 0.001 * (i / 1000) + 0.001, 4326), 1
  FROM made, generate_series(0, :tiles - 1) AS i
"""),
            {"tiles": tiles},
        )


def test_many_tiles_in_pieces(fresh_api: Api) -> None:
    grow(fresh_api.engine, 12_000)
    response = fresh_api.client.get("/export/tiles.csv?zoom=18", buffered=False)
    pieces = list(response.response)
    assert [piece.count(b"\r\n") for piece in pieces] == [1, 5_000, 5_000, 2_000]
    assert fresh_api.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    file = pq.ParquetFile(io.BytesIO(fetch(fresh_api, "parquet").data))
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [
        5_000,
        5_000,
        2_100,
    ]
    collection = fetch(fresh_api, "geojson").get_json(force=True)
    assert len({feature["id"] for feature in collection["features"]}) == 12_100


def break_off(engine: Engine) -> None:
    """End the server's side of every other connection, as a restart does."""
    with engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


@pytest.mark.parametrize("ending", FORMATS)
def test_a_failure_midway_is_not_a_whole_file(fresh_api: Api, ending: str) -> None:
    grow(fresh_api.engine, 12_000)
    response = fresh_api.client.get(f"/export/tiles.{ending}", buffered=False)
    pieces = iter(response.response)
    received = [next(pieces), next(pieces)]
    break_off(fresh_api.engine)
    # A server that meets an exception here leaves the last chunk out, and clients complain.
    with pytest.raises(Exception, match="cannot be reached"):
        received.extend(pieces)
    half = b"".join(received)
    if ending == "geojson":
        with pytest.raises(ValueError, match=r"delimiter|value"):
            json.loads(half)
    if ending == "parquet":
        with pytest.raises(Exception, match=r"[Mm]agic|footer"):
            pq.ParquetFile(io.BytesIO(half))
    assert fetch(fresh_api, ending, bounds=BOUNDS).status_code == 200


def test_where_the_end_of_a_connection_is_the_end_of_a_file(fresh_api: Api) -> None:
    old = {"SERVER_PROTOCOL": "HTTP/1.0"}
    grow(fresh_api.engine, 12_000)
    response = fresh_api.client.get("/export/tiles.csv", environ_overrides=old)
    assert response.text.count("\r\n") == 12_101
    assert fresh_api.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_overlapping_scenes_as_the_map_shows_them(fresh_api: Api, tmp_path: Path) -> None:
    newer = write_raster(tmp_path / "newer.tif", NORTH_WEST, 2, 2, seed=8)
    ingest(fresh_api.engine, newer, "newer", acquired_at=datetime(2025, 1, 1, tzinfo=UTC))
    exported = frame(fresh_api, "geojson")
    assert exported.groupby("scene").size().to_dict() == {SCENE: 96, "newer": 4}
    shown = tiles(fresh_api, **WHOLE_SCENE)
    assert sorted(exported["quadkey"]) == sorted(node["quadkey"] for node in shown)
    before = frame(fresh_api, "geojson", at="2024-12-31")
    assert before.groupby("scene").size().to_dict() == {SCENE: 100}


def test_only_so_many_exports_at_once(known: Api) -> None:
    api = make_api(known.engine)
    url = "/export/tiles.geojson"
    opened = [api.client.get(url, buffered=False) for _ in range(4)]
    refused = api.client.get(url)
    assert refused.status_code == 503
    assert refused.get_json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
    assert api.client.get("/export/tiles.csv?zoom=99").status_code == 503
    for response in opened:
        response.close()
    # Whatever becomes of one, its place is free afterwards.
    for _ in range(5):
        assert api.client.get(f"{url}?zoom=99").status_code == 400
        api.client.head(url).close()
        assert len(fetch(api, "geojson").get_json(force=True)["features"]) == 100
    assert known.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_an_export_that_takes_too_long_breaks_off(
    known: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = known.client.get("/export/tiles.geojson", buffered=False)
    pieces = iter(response.response)
    next(pieces)
    monkeypatch.setattr(web_exports, "LONGEST_S", 0.0)
    with pytest.raises(DeadlineError, match="not done"):
        next(pieces)
    assert known.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_client_that_does_not_read_keeps_no_transaction(fresh_api: Api) -> None:
    grow(fresh_api.engine, 12_000)
    engine = engine_on(fresh_api.engine.url, idle_timeout=1.0, autocommit=True)
    api = make_api(engine)
    url = "/export/tiles.csv?zoom=18"
    opened = [api.client.get(url, buffered=False) for _ in range(4)]
    idle = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
    )
    single = fresh_api.engine.execution_options(isolation_level="AUTOCOMMIT")
    with single.connect() as connection:
        wait_until(lambda: connection.scalar(idle) == 0)
    read, *others = opened
    with pytest.raises(DatabaseUnavailableError, match="cannot be reached"):
        list(read.response)
    for response in others:
        response.close()
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert fetch(api, "csv", bounds=BOUNDS).text.count("\r\n") == 3
    engine.dispose()


def test_a_server_answers_others_while_sixteen_clients_do_not_read(fresh_api: Api) -> None:
    grow(fresh_api.engine, 30_000)
    with served(fresh_api.engine.url.render_as_string(hide_password=False)) as (_, url):
        get(f"{url}/healthz")
        host, _, port = url.removeprefix("http://").partition(":")
        clients = []
        for _ in range(16):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            client.settimeout(60)
            client.connect((host, int(port)))
            client.sendall(b"GET /export/tiles.geojson HTTP/1.1\r\nHost: x\r\n\r\n")
            clients.append(client)
        answers = [client.recv(12) for client in clients]
        assert get(f"{url}/healthz")
        for client in clients:
            client.close()
    assert sorted(answers) == [b"HTTP/1.1 200"] * 4 + [b"HTTP/1.1 503"] * 12
