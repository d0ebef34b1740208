"""GraphQL over HTTP: methods, bodies, media types, browsers, other origins."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from support.api_client import Api, make_api

from earthgql.web import pages

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"


@pytest.fixture(scope="module")
def bare(module_engine: Engine) -> Api:
    """An application without imagery."""
    return make_api(module_engine)


def refusal(response: Any, status: int = 400) -> str:
    """Check that a response is a refusal in JSON, and return its message."""
    assert response.status_code == status
    assert response.mimetype in (JSON, GRAPHQL_JSON)
    [error] = response.get_json()["errors"]
    assert error["extensions"]["code"]
    assert "Traceback" not in response.text
    message: str = error["message"]
    return message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"null", "must be a JSON object"),
        (b"5", "must be a JSON object"),
        (b'"{ __typename }"', "must be a JSON object"),
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"query": "{ __typename }\xff"}', "not UTF-8"),
        (b"[]", "lists"),
        (b'[{"query": "{ __typename }"}]', "lists"),
        (b"{}", "no query"),
        (b'{"query": null}', "no query"),
        (b'{"query": "  "}', "no query"),
        (b'{"query": 5}', "query must be a string"),
        (b'{"query": "{ __typename }", "variables": []}', "variables must be an object"),
        (b'{"query": "{ __typename }", "variables": "{}"}', "variables must be an object"),
        (b'{"query": "{ __typename }", "operationName": 5}', "operationName must be a string"),
        (b'{"query": "{ __typename }", "extensions": 5}', "extensions must be an object"),
        (b'{"query": "{ __typename }", "variables": {"a": NaN}}', "NaN"),
        (b'{"query": "{ a: __typename } { b: __typename }"}', "several operations"),
        (b'{"query": "query A { __typename } query B { __typename }"}', "several operations"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_bodies_that_are_no_request(bare: Api, body: bytes, message: str) -> None:
    response = bare.client.post("/graphql", data=body, content_type=JSON)
    assert message in refusal(response)


def test_other_content_types(bare: Api) -> None:
    for content_type in ("text/plain", "multipart/form-data; boundary=x", "application/graphql"):
        response = bare.client.post("/graphql", data=b"{ a }", content_type=content_type)
        assert "application/json" in refusal(response, 415)
    assert "application/json" in refusal(bare.client.post("/graphql"), 415)


def test_a_body_too_large(bare: Api) -> None:
    body = json.dumps({"query": "{ __typename }" + " " * 1_000_000})
    response = bare.client.post("/graphql", data=body, content_type=JSON)
    assert refusal(response, 413)


def test_named_operations(bare: Api) -> None:
    document = "query A { a: __typename } query B { b: __typename }"
    for name, answer in (("A", {"a": "Query"}), ("B", {"b": "Query"})):
        body = {"query": document, "operationName": name}
        assert bare.client.post("/graphql", json=body).get_json() == {"data": answer}
    response = bare.client.post("/graphql", json={"query": document, "operationName": "C"})
    assert refusal(response)


def test_get_requests(bare: Api) -> None:
    ask = "query ($n: Int!) { scenes(first: $n) { nodes { id } } }"
    response = bare.client.get("/graphql", query_string={"query": ask, "variables": '{"n": 5}'})
    assert response.status_code == 200
    assert response.get_json() == {"data": {"scenes": {"nodes": []}}}
    for variables in ("{", "[]", "NaN"):
        query = {"query": ask, "variables": variables}
        assert refusal(bare.client.get("/graphql", query_string=query))
    assert "no query" in refusal(bare.client.get("/graphql"))


def test_head_is_get_without_the_body(bare: Api) -> None:
    for query, status in (({"query": "{ __typename }"}, 200), ({}, 400)):
        got = bare.client.get("/graphql", query_string=query)
        head = bare.client.head("/graphql", query_string=query)
        assert (head.status_code, head.data) == (status, b"")
        assert head.headers["Content-Length"] == str(len(got.data))
        assert head.mimetype == got.mimetype


def test_refused_documents(bare: Api) -> None:
    for document, code in (
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { a }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: Float!) { classifyPoint(lat: $a, lon: 1) { labels } }", "BAD_USER_INPUT"),
    ):
        for accept, status in ((JSON, 200), ("*/*", 200), (GRAPHQL_JSON, 400)):
            response = bare.client.post(
                "/graphql", json={"query": document}, headers={"Accept": accept}
            )
            answer = response.get_json()
            assert {e["extensions"]["code"] for e in answer["errors"]} == {code}
            executed = code == "BAD_USER_INPUT"
            assert ("data" in answer) is executed
            assert response.status_code == (200 if executed else status)
            assert response.mimetype == (GRAPHQL_JSON if accept == GRAPHQL_JSON else JSON)


def test_introspection_is_on(bare: Api) -> None:
    names = bare.data("{ __schema { types { name } } }")["__schema"]["types"]
    assert {"Tile", "Scene", "Model", "Classification"} <= {t["name"] for t in names}


def test_other_methods(bare: Api) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert refusal(bare.client.open("/graphql", method=method), 405)
    assert refusal(bare.client.get("/no/such/page"), 404)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in place of the built front-end."""
    monkeypatch.setattr(pages, "STATIC", tmp_path)
    return tmp_path


def test_browsers_get_the_page(bare: Api, built: Path) -> None:
    (built / "graphiql.html").write_text("<!doctype html><title>earthgql</title>")
    response = bare.client.get("/graphql", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert "earthgql" in response.text
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    answer = bare.client.get("/graphql?query={__typename}", headers={"Accept": "text/html"})
    assert answer.get_json() == {"data": {"__typename": "Query"}}


def test_the_map_is_at_the_root(bare: Api, built: Path) -> None:
    (built / "index.html").write_text("<!doctype html><title>earthgql map</title>")
    response = bare.client.get("/")
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert "earthgql map" in response.text
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_examples_run_no_scripts_of_others(bare: Api) -> None:
    with bare.client.get("/static/examples/leaflet.html") as response:
        assert response.status_code == 200
        policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "connect-src *;" in policy  # ?server= may name another one
    assert "unsafe" not in policy


@pytest.mark.parametrize("path", ["/", "/graphql"])
def test_a_page_not_built_names_the_command(bare: Api, built: Path, path: str) -> None:
    response = bare.client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == 503
    assert "make setup" in response.text


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://localhost:5173", True),
        ("http://localhost", True),
        ("https://127.0.0.1:3000", True),
        ("http://[::1]:8080", True),
        ("http://localhost.evil.example", False),
        ("http://evil.example/localhost:80", False),
        ("http://example.org", False),
        ("null", False),
        ("", False),
    ],
)
def test_other_origins(bare: Api, origin: str, allowed: bool) -> None:
    headers = {"Origin": origin}
    response = bare.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert response.status_code == (200 if allowed or not origin else 403)
    assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert "Origin" in response.headers["Vary"]
    preflight = bare.client.options(
        "/graphql",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert preflight.status_code == 204
    assert preflight.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
    assert ("Access-Control-Allow-Headers" in preflight.headers) is allowed
    missing = bare.client.get("/tiles/5.png", headers=headers)
    assert missing.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)


def test_origins_are_a_setting(module_engine: Engine) -> None:
    api = make_api(module_engine, cors_origins=["https://maps[.]example"])
    for origin, allowed in (("https://maps.example", True), ("http://localhost", False)):
        response = api.client.get("/healthz", headers={"Origin": origin})
        assert ("Access-Control-Allow-Origin" in response.headers) is allowed
