"""Requests for other hosts, from pages of other origins, and past trusted documents."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.api_client import Api, make_api

from earthgql.web.guards.callers import is_own_name

CANCEL = {"query": 'mutation { cancelJob(id: "Sm9iOjE=") { id } }'}
EVIL = "http://rebound.evil.example:8000"


@pytest.fixture(scope="module")
def bare(module_engine: Engine) -> Api:
    """An application without imagery."""
    return make_api(module_engine)


def code(answer: object) -> str:
    return str(answer.get_json()["errors"][0]["extensions"]["code"])  # type: ignore[attr-defined]


def test_a_page_that_gives_itself_this_servers_address_is_refused(bare: Api) -> None:
    headers = {"Host": "rebound.evil.example:8000", "Origin": EVIL, "Sec-Fetch-Site": "same-origin"}
    for path in ("/graphql", "/imagery.json", "/healthz", "/", "//graphql"):
        answer = bare.client.get(path, headers=headers)
        assert (answer.status_code, code(answer)) == (421, "HOST_NOT_ALLOWED"), path
        assert "public" not in answer.headers.get("Cache-Control", "")
        assert "Location" not in answer.headers
    answer = bare.client.post("/graphql", json=CANCEL, headers=headers)
    assert (answer.status_code, code(answer)) == (421, "HOST_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True),
        ("demo.localhost", True),
        ("127.0.0.1", True),
        ("192.168.1.7", True),
        ("[::1]", True),
        ("web", True),
        ("", True),  # of HTTP/1.0
        ("maps.example.org", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.nip.io", False),
        ("evil.example.localhost.", False),
    ],
)
def test_names_that_need_no_permission(host: str, own: bool) -> None:
    assert is_own_name(host) is own


def test_names_that_are_allowed(module_engine: Engine) -> None:
    api = make_api(module_engine, allowed_hosts=["Maps.example.org"])
    for host, status in (
        ("maps.example.org", 200),
        ("MAPS.example.org:8443", 200),
        ("maps.example.org.", 200),
        ("localhost:8000", 200),
        ("other.example.org", 421),
    ):
        assert api.client.get("/healthz", headers={"Host": host}).status_code == status, host
    told = api.client.get("/imagery.json", headers={"Host": "maps.example.org"}).get_json()
    assert told["tiles"][0].startswith("http://maps.example.org/imagery/")
    anyone = make_api(module_engine, allowed_hosts="*,x")
    assert anyone.client.get("/healthz", headers={"Host": "any.example"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/graphql", "/classify", "/inference/predict", "/export/tiles.csv"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_others_cannot_have_anything_done(
    bare: Api, path: str, headers: dict[str, str]
) -> None:
    answer = bare.client.post(path, json=CANCEL, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://web:8000", "Host": "web:8000"},
        {"Origin": "https://web", "Host": "web"},  # behind a proxy with a certificate
        {"Origin": "http://localhost:5173", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_programs_and_own_pages_can(bare: Api, headers: dict[str, str]) -> None:
    answer = bare.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert answer.get_json() == {"data": {"__typename": "Query"}}


def test_images_may_be_shown_on_pages_of_others(bare: Api) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert bare.client.get("/imagery/0/0/0.png", headers=headers).status_code == 200


def test_where_documents_must_be_trusted_no_route_answers_whatever_is_asked(
    module_engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({"some": "{ __typename }"}))
    api = make_api(module_engine, trusted_documents=file, trusted_only=True)
    asked = (
        api.client.get("/export/tiles.csv"),
        api.client.post("/export/tiles.geojson", json={}),
        api.client.post("/classify", data={}),
        api.client.post("/inference/predict", json={"lat1": 1, "lng1": 1}),
    )
    assert {answer.status_code for answer in asked} == {403}
    assert code(asked[0]) == "DOCUMENT_NOT_TRUSTED"
    for path in ("/imagery/0/0/0.png", "/healthz", "/inference/ping"):
        assert api.client.get(path).status_code == 200
