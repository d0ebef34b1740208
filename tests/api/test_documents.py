"""Documents named by their hash: Apollo's protocol, and files of trusted documents."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from support.api_client import Api, make_api

from earthgql.api.execution import documents, limits
from earthgql.api.execution.documents import Documents, read_trusted
from earthgql.api.schema import document_parser
from earthgql.errors import SetupError

SCENES = "query Scenes($n: Int = 5) { scenes(first: $n) { nodes { name } } }"
MODELS = "{ models { nodes { name } } }"
NONE = {"data": {"scenes": {"nodes": []}}}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def named(text: str, **more: Any) -> dict[str, Any]:
    """The extension that names a document."""
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text), **more}}


def post(api: Api, **body: Any) -> Any:
    return api.client.post("/graphql", json=body)


def outcome(response: Any) -> tuple[int, str, str]:
    """Status, message and code of a refusal."""
    assert response.headers["Cache-Control"] == "no-store"
    [error] = response.get_json()["errors"]
    return response.status_code, error["message"], error["extensions"]["code"]


@pytest.fixture
def bare(engine: Engine) -> Api:
    """An application of its own, which knows no documents yet."""
    return make_api(engine)


NOT_FOUND = (200, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
UNTRUSTED = (403, "this server answers trusted documents only", "DOCUMENT_NOT_TRUSTED")


def test_a_document_is_sent_once(bare: Api) -> None:
    assert outcome(post(bare, extensions=named(SCENES))) == NOT_FOUND
    assert post(bare, query=SCENES, extensions=named(SCENES)).get_json() == NONE
    assert post(bare, extensions=named(SCENES)).get_json() == NONE
    with_variables = post(
        bare, extensions=named(SCENES), variables={"n": 0}, operationName="Scenes"
    )
    assert with_variables.get_json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    by_id = post(bare, documentId=f"sha256:{sha256(SCENES)}")
    assert by_id.get_json() == NONE


def test_by_get(bare: Api) -> None:
    asked = {"extensions": json.dumps(named(SCENES)), "variables": '{"n": 3}'}
    html = {"Accept": "text/html,*/*"}
    assert outcome(bare.client.get("/graphql", query_string=asked)) == NOT_FOUND
    assert outcome(bare.client.get("/graphql", query_string=asked, headers=html)) == NOT_FOUND
    first = bare.client.get("/graphql", query_string={**asked, "query": SCENES})
    again = bare.client.get("/graphql", query_string=asked)
    assert first.get_json() == again.get_json() == NONE
    assert first.headers["ETag"] == again.headers["ETag"]


def test_a_hash_of_something_else(bare: Api) -> None:
    wrong = post(bare, query=SCENES, extensions=named(MODELS))
    assert outcome(wrong) == (400, "provided sha does not match query", "BAD_REQUEST")
    assert outcome(post(bare, extensions=named(MODELS))) == NOT_FOUND


@pytest.mark.parametrize(
    "extension",
    [
        5,
        "x",
        [],
        {},
        {"version": 1},
        {"version": 2, "sha256Hash": "a"},
        {"sha256Hash": "a"},
        {"version": 1, "sha256Hash": 5},
    ],
)
def test_extensions_that_are_not_the_protocols(bare: Api, extension: Any) -> None:
    response = post(bare, query=MODELS, extensions={"persistedQuery": extension})
    expected = (200, "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
    assert outcome(response) == expected


def test_what_is_no_graphql_is_not_kept(bare: Api) -> None:
    response = post(bare, query="{", extensions=named("{"))
    assert response.get_json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert outcome(post(bare, extensions=named("{"))) == NOT_FOUND


def test_null_is_as_good_as_nothing(bare: Api) -> None:
    response = post(bare, query=MODELS, extensions={"persistedQuery": None}, documentId=None)
    assert response.get_json() == {"data": {"models": {"nodes": []}}}
    assert outcome(post(bare, query=MODELS, documentId=5))[2] == "BAD_REQUEST"


def test_no_more_is_kept_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{{ scenes {{ nodes {{ a{i}: name }} }} }}" for i in range(4)]
    monkeypatch.setattr(documents, "KEPT_CHARACTERS", 3 * len(texts[0]))
    known = Documents(document_parser())
    for text in texts[:3]:
        assert known.text(text, None, named(text)) == text
        assert known.text(text, None, named(text)) == text
    assert known.text(None, None, named(texts[0])) == texts[0]
    known.text(texts[3], None, named(texts[3]))
    with pytest.raises(documents.RefusedDocumentError):
        known.text(None, None, named(texts[1]))
    for text in (texts[0], texts[2], texts[3]):
        assert known.text(None, None, named(text)) == text


FORMS = {
    "relay": {sha256(SCENES): SCENES, "some-id": MODELS},
    "prefixed": {f"sha256:{sha256(SCENES)}": SCENES, "some-id": MODELS},
    "apollo": {
        "format": "apollo-persisted-query-manifest",
        "version": 1,
        "operations": [
            {"id": sha256(SCENES), "name": "Scenes", "type": "query", "body": SCENES},
            {"id": "some-id", "name": None, "type": "query", "body": MODELS},
        ],
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_trusted_documents(engine: Engine, tmp_path: Path, form: str) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps(FORMS[form]))
    api = make_api(engine, trusted_documents=file)
    assert post(api, extensions=named(SCENES)).get_json() == NONE
    assert post(api, documentId="some-id").get_json() == {"data": {"models": {"nodes": []}}}
    assert outcome(post(api, documentId="other-id")) == NOT_FOUND
    assert post(api, query="{ __typename }").get_json() == {"data": {"__typename": "Query"}}


def test_trusted_documents_only(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps(FORMS["relay"]))
    api = make_api(engine, trusted_documents=file, trusted_only=True)
    assert post(api, extensions=named(SCENES)).get_json() == NONE
    assert post(api, query=SCENES).get_json() == NONE
    assert post(api, query=SCENES, extensions=named(SCENES)).get_json() == NONE
    for body in (
        {"query": "{ __typename }"},
        {"query": "{ __typename }", "extensions": named("{ __typename }")},
        {"query": SCENES + " "},
        {"extensions": named("{ __typename }")},
        {"documentId": "other-id"},
        {"query": "{ __typename }", "documentId": "some-id"},
    ):
        assert outcome(post(api, **body)) == UNTRUSTED, body
    got = api.client.get("/graphql", query_string={"query": "{ __schema { types { name } } }"})
    assert outcome(got) == UNTRUSTED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot be read"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "neither an object of documents by id nor a manifest"),
        ("5", "neither"),
        ('{"a": 5}', "neither"),
        ('{"format": "apollo-persisted-query-manifest"}', "neither"),
        ('{"format": "apollo-persisted-query-manifest", "operations": [{"id": "a"}]}', "neither"),
        ('{"a": "{"}', "document 'a': Syntax Error"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "documents.json"
    file.write_text(content)
    with pytest.raises(SetupError, match=message):
        read_trusted(file, document_parser())


def test_a_file_that_is_not_there(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"none\.json cannot be read"):
        make_api(engine, trusted_documents=tmp_path / "none.json")


def test_parsed_documents_are_kept_up_to_a_size(bare: Api) -> None:
    def document(number: int) -> str:
        return f"{{ a{number}: __typename }}{' ' * (limits.KEPT_CHARACTERS // 4)}"

    texts = [document(number) for number in range(5)]
    first = [document_parser().parse(text) for text in texts]
    again = [document_parser().parse(text) for text in reversed(texts)][::-1]
    assert [old is new for old, new in zip(first, again, strict=True)] == [False] * 2 + [True] * 3
    wrong = "{ none }"
    assert [bare.codes(wrong) for _ in range(2)] == [["GRAPHQL_VALIDATION_FAILED"]] * 2
    assert document_parser().parse(wrong).errors
