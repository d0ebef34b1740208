"""Introspection: weighed by what it answers, which is kept."""

import hashlib
import json
import time
from typing import Any

import pytest
from graphql import GraphQLError, get_introspection_query, parse
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from support.api_client import Api, make_api

from earthgql.api.execution.introspection import (
    TEXT_LENGTH,
    VALUES_EACH,
    IntrospectionWeight,
    SchemaAnswers,
)
from earthgql.api.execution.kept_answers import KeptAnswers
from earthgql.api.execution.limits import CODE, MAX_VALUES
from earthgql.api.schema import document_parser, schema

FULL = get_introspection_query(specified_by_url=True, input_value_deprecation=True)
INNER = "description type { kind name description } args { name description type { name } }"
ATTACK = (
    "{ __schema { types {"
    + " ".join(f"x{i}: fields {{ type {{ ofType {{ ...B }} }} }}" for i in range(30))
    + "} } } fragment B on __Type {"
    + " ".join(f"y{i}: fields {{ {INNER} }}" for i in range(31))
    + "}"
)
"""Four kilobytes that were answered with forty megabytes."""


@pytest.fixture(scope="module")
def bare(module_engine: Engine) -> Api:
    """An application without imagery."""
    return make_api(module_engine)


def values(data: Any) -> int:
    """Count what an answer has, as introspection is weighed."""
    if isinstance(data, dict):
        return 1 + sum(map(values, data.values()))
    if isinstance(data, list):
        return sum(map(values, data))
    return 1 + (len(data) // TEXT_LENGTH if isinstance(data, str) else 0)


def weight(document: str) -> int:
    """Return what the one field of a document of introspection weighs."""
    answers = SchemaAnswers(schema()._schema)
    [operation, *fragments] = parse(document).definitions
    [field] = operation.selection_set.selections
    named = {fragment.name.value: fragment for fragment in fragments}
    return IntrospectionWeight(answers, named, 10**9).of(field, 20)


def selections(depth: int) -> st.SearchStrategy[str]:
    """Selections on ``__Type``: what a document could ask of a type, without a third list."""
    names = st.lists(st.sampled_from(["name", "kind", "description"]), min_size=1, unique=True)
    leaves = names.map(" ".join)
    if not depth:
        return leaves
    inner = selections(depth - 1)
    parts = [
        leaves,
        inner.map("ofType {{ {} }}".format),
        inner.map("possibleTypes {{ {} }}".format),
        inner.map("inputFields {{ name defaultValue type {{ {} }} }}".format),
        inner.map("fields {{ name type {{ {0} }} args {{ type {{ {0} }} }} }}".format),
        inner.map("a: enumValues {{ name }} b: fields {{ description type {{ {} }} }}".format),
    ]
    return st.one_of(parts)


@settings(max_examples=40, deadline=None)
@given(selection=selections(2))
def test_weighs_what_it_answers(bare: Api, selection: str) -> None:
    document = f"{{ __schema {{ types {{ {selection} }} }} }}"
    data = bare.ask(document).get("data")
    if data is not None:  # not refused as too large, or nested too deeply
        assert weight(document) == VALUES_EACH * (values(data) - 1)


def test_what_is_not_known_yet_weighs_the_most_that_it_may_be() -> None:
    of_one = weight('{ __type(name: "Tile") { fields { name } } }')
    of_any = weight("query ($n: String!) { __type(name: $n) { fields { name } } }")
    assert of_any >= of_one > weight('{ __type(name: "Nobody") { fields { name } } }')
    fragment = "fragment F on __Type { ofType { ...F } }"
    assert weight("{ __schema { types { ...F } } } " + fragment) < 10**6  # and it ends


def test_tools_need_a_tenth_of_what_there_is(bare: Api) -> None:
    assert len(bare.data(FULL)["__schema"]["types"]) > 50
    assert weight(FULL) * 10 < MAX_VALUES


def test_many_values_of_little_text_are_refused(bare: Api) -> None:
    began = time.process_time()
    assert bare.codes(ATTACK) == [CODE]
    assert time.process_time() - began < 2
    with pytest.raises(GraphQLError, match="values"):
        document_parser().parse("{ a: __typename " + ATTACK[1:])


def test_a_name_does_not_change_that(bare: Api) -> None:
    sha256 = hashlib.sha256(ATTACK.encode()).hexdigest()
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": sha256}}
    sent = bare.client.post("/graphql", json={"query": ATTACK, "extensions": extensions})
    assert sent.get_json()["errors"][0]["extensions"]["code"] == CODE
    named = bare.client.get("/graphql", query_string={"extensions": json.dumps(extensions)})
    assert named.get_json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


def test_answers_are_the_same_when_kept(bare: Api) -> None:
    two = "query A { __schema { queryType { name } } } query B { __type(name: $n) { name } }"
    two = two.replace("query B", "query B($n: String!)")
    for body in (
        {"query": FULL},
        {"query": two, "operationName": "A"},
        {"query": two, "operationName": "B", "variables": {"n": "Tile"}},
        {"query": two, "operationName": "B", "variables": {"n": "Scene"}},
        {"query": FULL, "extensions": {"timing": True}},
    ):
        first, second = (bare.client.post("/graphql", json=body).get_json() for _ in range(2))
        assert first["data"] == second["data"]
        assert first.keys() == second.keys()
        if "variables" in body:
            assert first["data"]["__type"]["name"] == body["variables"]["n"]
    got = [bare.client.get("/graphql", query_string={"query": FULL}) for _ in range(2)]
    assert got[0].headers["ETag"] == got[1].headers["ETag"]
    assert got[0].get_json() == bare.client.post("/graphql", json={"query": FULL}).get_json()


def test_kept_answers_have_a_bound() -> None:
    kept = KeptAnswers(most_bytes=100)
    names = [kept.key("{ a }", None, {"n": n}) for n in range(4)]
    assert kept.key("{ a }", "A", {"n": 0}) not in names
    for name in names[:3]:
        kept.keep(name, ["x" * 40])
    assert [kept.get(name) is None for name in names[:3]] == [True, False, False]
    assert kept.keep(names[3], "y" * 200) == '"' + "y" * 200 + '"'
    assert kept.get(names[3]) is None


def test_answers_of_too_many_bytes_are_refused(module_engine: Engine) -> None:
    api = make_api(module_engine, answer_bytes=20_000)
    for ask in (
        lambda: api.client.post("/graphql", json={"query": FULL}),
        lambda: api.client.get("/graphql", query_string={"query": FULL}),
    ):
        for _ in range(2):
            answer = ask()
            [error] = answer.get_json()["errors"]
            assert error["extensions"]["code"] == "ANSWER_TOO_LARGE"
            assert "20,000" in error["message"]
            assert "public" not in answer.headers.get("Cache-Control", "")
    assert api.data("{ __schema { queryType { name } } }")["__schema"]
