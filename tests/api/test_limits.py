"""Documents made to hurt: refused, and quickly."""

import time

import pytest
from api_client import Api, make_api
from graphql import GraphQLError, get_introspection_query
from sqlalchemy import Engine

from earthgql.api import limits
from earthgql.api.limits import parse_within_limits

QUICK_S = 3.0  # of processor time, forgiving: these took minutes or killed the process


@pytest.fixture(scope="module")
def bare(module_engine: Engine) -> Api:
    """An application without imagery."""
    return make_api(module_engine)


def chain(count: int, body: str) -> str:
    """``count`` fragments, each of which spreads the next in ``body``."""
    fragments = [f"fragment F{i} on Query {{ {body.format(next=i + 1)} }}" for i in range(count)]
    return "{ ...F0 }" + "".join(fragments) + f"fragment F{count} on Query {{ __typename }}"


HOSTILE = {
    "deep fields": "{" + "node(id: 1) {" * 10_000 + "id" + "}" * 10_000 + "}",
    "deep tiles": '{tile(id:"x"){' + "classification{tile{" * 30 + "id" + "}}" * 30 + "}}",
    "deep value": "{ node(id: " + "[" * 100_000,
    "deep inline fragments": "{" + "...{" * 150 + "__typename" + "}" * 151,
    "fragments doubling": chain(
        40, "a: node(id: 1) {{ ...F{next} }} b: node(id: 1) {{ ...F{next} }}"
    ),
    "fragments doubling in place": chain(40, "... {{ ...F{next} }} ... {{ ...F{next} }}"),
    "too many fragments": chain(5_000, "...F{next}"),
    "10,000 aliases": "{" + " ".join(f"a{i}: __typename" for i in range(10_000)) + "}",
    "4,000 aliases": "{" + " ".join(f"a{i}: __typename" for i in range(4_000)) + "}",
    "the same field again and again": "{" + "__typename " * 10_000 + "}",
    "unknown fields": "{" + " ".join(f"a{i}" for i in range(15_000)) + "}",
    "many operations": "".join(f"query Q{i} {{ __typename }} " for i in range(3_000)),
    "large pages": "{"
    + " ".join(
        f"a{i}: tilesInBounds(bounds: {{west: 0, south: 0, east: 1, north: 1}}, first: 1000)"
        "{ nodes { id z x y quadkey } }"
        for i in range(100)
    )
    + "}",
    "comments": "#\n" * 200_000 + "{ __typename }",
    "long": "{ __typename }" + " " * 600_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents(bare: Api, name: str) -> None:
    body = {"query": HOSTILE[name], "operationName": "Q1" if name == "many operations" else None}
    began = time.process_time()
    response = bare.client.post("/graphql", json=body)
    took = time.process_time() - began
    errors = response.get_json()["errors"]
    assert {e["extensions"]["code"] for e in errors} <= {limits.CODE, "GRAPHQL_PARSE_FAILED"}
    assert len(response.text) < 2_000
    assert took < QUICK_S


def test_fragments_that_spread_themselves(bare: Api) -> None:
    document = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
    assert set(bare.codes(document)) == {"GRAPHQL_VALIDATION_FAILED"}


POINTS = " ".join(
    f"p{i}: classifyPoint(lat: {i / 20}, lon: 5.5) {{ labels scores {{ label score }} }}"
    for i in range(1_000)
)
EVERYTHING = """
query ($b: BoundsInput!, $n: Int!) { tilesInBounds(bounds: $b, first: $n) { nodes {
  id z x y quadkey imageUrl footprint bounds { west south east north } scene { id name }
  classification { labels computedAt model { name version } scores { label score } }
} } }
"""


def test_a_viewport_weighs_a_value_a_tile() -> None:
    bounds = "bounds: {west: 0, south: 0, east: 1, north: 1}"

    def document(count: int) -> str:
        fields = (f"a{i}: viewport({bounds}, first: 10000) {{ scores }}" for i in range(count))
        return f"{{ {' '.join(fields)} }}"

    assert parse_within_limits(document(24)).operations == 1
    with pytest.raises(GraphQLError, match="values"):
        parse_within_limits(document(26))


@pytest.mark.parametrize(
    "document",
    [
        get_introspection_query(specified_by_url=True, input_value_deprecation=True),
        f"{{ {POINTS} }}",
        EVERYTHING,
        "{ ...A ...B } fragment A on Query { ...B } fragment B on Query { __typename }",
    ],
    ids=["introspection", "1,000 points", "1,000 tiles with everything", "fragments"],
)
def test_documents_within_the_limits(document: str) -> None:
    assert parse_within_limits(document).operations == 1


def test_weights_count_unfolded_fragments() -> None:
    aliases = " ".join(f"a{i}: __typename" for i in range(600))
    fragments = f"fragment A on Query {{ {aliases} }} fragment B on Query {{ ...A c: __typename }}"
    assert parse_within_limits(f"{{ ...A }} {fragments}").operations == 1
    with pytest.raises(GraphQLError, match="aliases"):
        parse_within_limits(f"{{ ...A ...B }} {fragments}")


def test_documents_are_remembered(bare: Api) -> None:
    document = "{ remembered: __typename }"
    assert bare.data(document) == bare.data(document)
    assert parse_within_limits(document).node is parse_within_limits(document).node
