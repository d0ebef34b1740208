"""Tiles of maps take turns, so that they leave threads to other requests."""

from flask import Flask
from flask.testing import FlaskClient
from support.api_client import NORTH_WEST, Api

from earthgql.app import services_of
from earthgql.turns import Turns
from earthgql.web import errors
from earthgql.web.map_tiles import imagery, labels

_PATHS = tuple(
    f"/{kind}/{NORTH_WEST.z}/{NORTH_WEST.x}/{NORTH_WEST.y}.{ending}"
    for kind, ending in (("imagery", "png"), ("labels", "mvt"))
)


def _client(api: Api, turns: Turns) -> FlaskClient:
    app = Flask("maps")
    app.register_blueprint(imagery.blueprint(api.engine, turns))
    app.register_blueprint(labels.blueprint(api.engine, services_of(api.app).scoring, turns))
    errors.answer_in_json(app)
    return app.test_client()


def test_too_many_at_once_come_again_later(api: Api) -> None:
    turns = Turns(1, waiting=1, wait_s=0.1, refusal="too many tiles of maps")
    client = _client(api, turns)
    etags = [client.get(path).headers["ETag"] for path in _PATHS]
    with turns.turn():
        for path in _PATHS:
            refused = client.get(path)
            assert refused.status_code == 503
            assert refused.get_json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
            assert int(refused.headers["Retry-After"]) > 0
            assert "ETag" not in refused.headers
        # What makes no tile does not wait.
        assert client.get("/imagery.json").status_code == 200
        assert client.get(_PATHS[1], headers={"If-None-Match": etags[1]}).status_code == 304
    assert [client.get(path).headers["ETag"] for path in _PATHS] == etags


def test_a_refused_request_gives_its_turn_back(api: Api) -> None:
    client = _client(api, Turns(1, waiting=0, wait_s=0.1, refusal="too many tiles of maps"))
    assert client.get("/imagery/99/0/0.png").status_code == 400
    assert client.get("/imagery/0/0/0.png?scene=nowhere").status_code == 400
    assert client.get("/labels/0/0/0.mvt?model=nobody").status_code == 404
    assert [client.get(path).status_code for path in _PATHS] == [200, 200]
