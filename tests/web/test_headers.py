"""Headers that every answer has."""

import pytest
from support.api_client import Api


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/graphql?query={__typename}", 200),
        ("POST", "/graphql", 415),
        ("GET", "/nowhere", 404),
        ("GET", "/imagery/0/0/0.png", 200),
        ("GET", "/imagery/99/0/0.png", 400),
        ("GET", "/favicon.ico", 301),
    ],
)
def test_every_answer_has_them(api: Api, method: str, path: str, status: int) -> None:
    answer = api.client.open(path, method=method)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Server" not in answer.headers
