"""What a document weighs, against what its answer has: never less than half of it."""

from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    is_required_argument,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.api_client import NORTH_WEST, WHOLE_SCENE, Api, centre

from earthgql.api.execution.limits import Parser
from earthgql.api.schema import schema

BOUNDS = f"bounds: {{{', '.join(f'{side}: {at!r}' for side, at in WHOLE_SCENE.items())}}}"
POINT = "lat: {!r}, lon: {!r}".format(*centre(NORTH_WEST))
SPAN = 'from: "2001-01-01T00:00:00Z", to: "2030-01-01T00:00:00Z", label: "water"'
ROOTS = {
    "classifyPoint": (POINT, f"{POINT}, cutoff: 0"),
    "tilesInBounds": (f"{BOUNDS}, first: 3", BOUNDS, "first: 100"),
    "viewport": (f"{BOUNDS}, first: 40", BOUNDS, f"{BOUNDS}, infer: false"),
    "scenes": ("first: 2",),
    "models": ("first: 1",),
    "labelHistogram": (BOUNDS,),
    "labelTimeline": (BOUNDS,),
    "labelChanges": (f"{SPAN}, {BOUNDS}",),
    "modelComparison": (f'a: "pixel 1", {BOUNDS}', f'a: "pixel 1", {BOUNDS}, first: 5'),
}
"""Fields of ``Query``, with arguments for which there are answers."""

CHARACTERS = 32
"""Of a text, for each of which it counts once more: that of columns is as long as they are."""


@st.composite
def selections(draw: st.DrawFn, type_name: str, depth: int) -> str:
    """A selection of a type: fields without arguments that must be given."""
    kind = schema()._schema.type_map[type_name]
    assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
    possible = {}
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        composite = isinstance(inner, GraphQLObjectType | GraphQLInterfaceType)
        if not any(map(is_required_argument, field.args.values())) and (depth or not composite):
            possible[name] = inner.name if composite else None
    chosen = draw(st.lists(st.sampled_from(sorted(possible)), min_size=1, max_size=6, unique=True))
    parts = []
    for name in chosen if possible else ():
        inner = possible[name]
        parts.append(name if inner is None else f"{name} {draw(selections(inner, depth - 1))}")
    return "{ " + " ".join(parts) + " }"


@st.composite
def documents(draw: st.DrawFn) -> str:
    root = draw(st.sampled_from(sorted(ROOTS)))
    arguments = draw(st.sampled_from(ROOTS[root]))
    answers = get_named_type(schema()._schema.query_type.fields[root].type).name  # type: ignore[union-attr]
    return f"{{ {root}({arguments}) {draw(selections(answers, 3))} }}"


def values(data: Any) -> int:
    """Count the values of an answer: of each object itself and its fields."""
    if isinstance(data, dict):
        return 1 + sum(map(values, data.values()))
    if isinstance(data, list):
        return sum(map(values, data))
    return 1 + (len(data) // CHARACTERS if isinstance(data, str) else 0)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=documents())
def test_an_answer_has_at_most_twice_what_its_document_weighs(api: Api, document: str) -> None:
    response = api.ask(document)
    codes = {error["extensions"]["code"] for error in response.get("errors", [])}
    if "QUERY_TOO_LARGE" in codes:
        return
    assert codes <= {"NOT_FOUND"}, response["errors"]  # a node's tile may have none
    weighed = Parser(schema()._schema).parse(document).values
    assert values(response["data"]) <= 2 * weighed, document
