"""The predecessor's two routes: payloads and statuses as it gave them, answers where it crashed."""

from typing import Any

import pytest
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, Api, centre, ingest, make_api, write_raster

from earthgql.errors import ModelUnavailableError

LAT, LON = centre(NORTH_WEST)
ALL_SCORES = """
query ($lat: Float!, $lon: Float!) {
  classifyPoint(lat: $lat, lon: $lon, cutoff: 0) { scores { label score } }
}
"""
INVALID = {"success": False, "predictions": [], "message": "Invalid payload"}


def scores(api: Api) -> list[tuple[str, float]]:
    """All labels at the place, highest score first, as GraphQL gives them."""
    found = api.data(ALL_SCORES, lat=LAT, lon=LON)["classifyPoint"]["scores"]
    return [(entry["label"], entry["score"]) for entry in found]


def predict(api: Api, payload: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    response = api.client.post("/inference/predict", json=payload, **options)
    answer: dict[str, Any] = response.get_json()
    return response.status_code, answer


def test_ping(api: Api) -> None:
    response = api.client.get("/inference/ping")
    assert (response.status_code, response.get_json()) == (
        200,
        {"status": "success", "message": "pong!"},
    )


def test_labels_above_a_tenth(api: Api) -> None:
    status, answer = predict(api, {"lat1": LAT, "lng1": LON})
    assert status == 200
    expected = [
        {"label": label, "probability": score} for label, score in scores(api) if score > 0.1
    ]
    assert 0 < len(expected) < 17
    assert answer == {"success": True, "predictions": expected}


def test_longitudes_are_wrapped(api: Api) -> None:
    status, answer = predict(api, {"lat1": LAT, "lng1": LON + 360})
    assert status == 200
    assert answer == predict(api, {"lat1": LAT, "lng1": LON})[1]


def test_a_cutoff_of_ones_own_is_not_reached_by_what_equals_it(
    api: Api, module_engine: Engine
) -> None:
    best, second = scores(api)[:2]
    own = make_api(module_engine, prediction_cutoff=second[1])
    assert predict(own, {"lat1": LAT, "lng1": LON})[1] == {
        "success": True,
        "predictions": [{"label": best[0], "probability": best[1]}],
    }


def test_only_tiles_of_the_zoom_that_is_set(api: Api, module_engine: Engine) -> None:
    for zoom, status in ((14, 200), (11, 404)):
        own = make_api(module_engine, prediction_zoom=zoom)
        assert predict(own, {"lat1": LAT, "lng1": LON})[0] == status


@pytest.mark.parametrize("place", [(0.0, 0.0), (90, 0), (-90.0, 180), (89.9, LON)])
def test_where_there_is_no_tile(api: Api, place: tuple[float, float]) -> None:
    assert predict(api, dict(zip(("lat1", "lng1"), place, strict=True))) == (
        404,
        {
            "success": False,
            "predictions": [],
            "message": "There is no imagery at this place",
        },
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[1, 2]",
        b'"lat1"',
        b"{}",
        b'{"lat1": 1}',
        b'{"lng1": 1}',
        b'{"lat1": "1", "lng1": "2"}',
        b'{"lat1": null, "lng1": 2}',
        b'{"lat1": true, "lng1": 2}',
        b'{"lat": 1, "lng": 2}',
        b'{"lat1": 1, "lng1": \xff}',
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_payloads_that_are_none(api: Api, body: bytes) -> None:
    response = api.client.post("/inference/predict", data=body, content_type="application/json")
    assert (response.status_code, response.get_json()) == (400, INVALID)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"lat1": 91, "lng1": 0}', "lat must be between -90 and 90, not 91"),
        (b'{"lat1": 0, "lng1": -540.5}', "lon must be between -540 and 540, not -540.5"),
        (b'{"lat1": NaN, "lng1": 0}', "lat must be between -90 and 90, not nan"),
        (b'{"lat1": 0, "lng1": Infinity}', "lon must be between -540 and 540, not inf"),
        (b'{"lat1": 0, "lng1": NaN}', "lon must be between -540 and 540, not nan"),
        (b'{"lat1": 1e999, "lng1": 0}', "lat must be between -90 and 90, not inf"),
        (
            b'{"lat1": %s, "lng1": 0}' % (b"9" * 400),
            f"lat must be between -90 and 90, not {'9' * 57}...",
        ),
    ],
)
def test_positions_that_are_none(api: Api, payload: bytes, reason: str) -> None:
    response = api.client.post("/inference/predict", data=payload)
    assert response.status_code == 400
    assert response.get_json() == {**INVALID, "message": f"Invalid payload: {reason}"}


def test_a_body_that_is_too_large(api: Api) -> None:
    whole = b" " * 1_000_001
    response = api.client.post("/inference/predict", data=whole)
    assert response.status_code == 413
    message = "the body of a request may have 1,000,000 bytes here"
    assert response.get_json() == {**INVALID, "message": message}


def test_pages_of_other_origins_may_not_call_it(api: Api) -> None:
    payload, headers = {"lat1": LAT, "lng1": LON}, {"Origin": "https://maps.example"}
    refused = api.client.post("/inference/predict", json=payload, headers=headers)
    assert refused.status_code == 403
    assert "Access-Control-Allow-Origin" not in refused.headers
    allowing = make_api(api.engine, cors_origins=["https://maps[.]example"])
    answered = allowing.client.post("/inference/predict", json=payload, headers=headers)
    assert answered.status_code == 200
    assert answered.headers["Access-Control-Allow-Origin"] == headers["Origin"]


def test_what_was_classified_is_not_classified_again(fresh_api: Api) -> None:
    for _ in range(2):
        assert predict(fresh_api, {"lat1": LAT, "lng1": LON})[0] == 200
    assert fresh_api.classifier.submissions == [1]
    with fresh_api.statements() as seen:
        predict(fresh_api, {"lat1": LAT, "lng1": LON})
    assert len(seen) == 2, seen


def test_failures_have_the_same_form(fresh_engine: Engine, tmp_path: Any) -> None:
    ingest(fresh_engine, write_raster(tmp_path / "gone.tif", NORTH_WEST, 1, 1), "gone")
    (tmp_path / "gone.tif").unlink()
    status, answer = predict(make_api(fresh_engine), {"lat1": LAT, "lng1": LON})
    assert status == 422
    assert (answer["success"], answer["predictions"]) == (False, [])
    assert "gone.tif does not exist" in answer["message"]


def test_a_model_that_is_missing(fresh_api: Api, fresh_engine: Engine) -> None:
    from earthgql.app import create_app
    from earthgql.settings import Settings

    def missing() -> Any:
        raise ModelUnavailableError("there is no bundle")

    app = create_app(Settings(), engine=fresh_engine, load_classifier=missing)
    response = app.test_client().post("/inference/predict", json={"lat1": LAT, "lng1": LON})
    answer = response.get_json()
    assert (response.status_code, answer["success"], answer["predictions"]) == (503, False, [])
    assert "cannot be loaded" in answer["message"]


def test_other_methods(api: Api) -> None:
    assert api.client.get("/inference/predict").status_code == 405
    assert api.client.post("/inference/ping").status_code == 405
