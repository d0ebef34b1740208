"""Every list of the schema says how long it may be; what does not is refused."""

import pytest
import strawberry
from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    is_specified_scalar_type,
)
from graphql import get_named_type as named_type

from earthgql.api.costs import COUNTED_OUTSIDE, Cost, Length, cost
from earthgql.api.execution.limits import Parser
from earthgql.api.execution.weights import declared_cost, is_list
from earthgql.api.schema import schema

COLUMNS = ("Integers", "Distances", "ScoreMatrix", "GeoJSON")
"""Scalars of any length."""
SHORT = ("DateTime",)
"""Other scalars besides GraphQL's own."""


def fields() -> dict[str, GraphQLField]:
    """All fields of the schema but those of introspection, by type and name."""
    return {
        f"{found.name}.{name}": field
        for found in schema()._schema.type_map.values()
        if isinstance(found, GraphQLObjectType | GraphQLInterfaceType)
        and not found.name.startswith("__")
        for name, field in found.fields.items()
    }


def test_every_list_and_every_column_has_a_bound() -> None:
    long = {
        name: declared_cost(field)
        for name, field in fields().items()
        if is_list(field) or named_type(field.type).name in COLUMNS
    }
    assert len(long) > 20
    unbound = [name for name, declared in long.items() if not (declared and declared.is_bound)]
    assert unbound == []


def test_scalars_are_known_to_be_long_or_short() -> None:
    custom = {
        name
        for name, found in schema()._schema.type_map.items()
        if isinstance(found, GraphQLScalarType) and not is_specified_scalar_type(found)
    }
    assert custom == {*COLUMNS, *SHORT}


def test_what_is_counted_outside_is_only_in_connections() -> None:
    inside = {
        name.partition(".")[0]
        for name, field in fields().items()
        if (declared_cost(field) or Cost()).items is COUNTED_OUTSIDE
    }
    assert len(inside) == 4
    answering = {
        name: declared_cost(field)
        for name, field in fields().items()
        if named_type(field.type).name in inside
    }
    assert len(answering) == 4
    for name, declared in answering.items():
        assert declared is not None, name
        assert declared.items is not None, name
        assert declared.items.largest == 1000, name


def test_costs_by_rows_are_only_in_fields_that_declare_rows() -> None:
    by_row = {
        name.partition(".")[0]
        for name, field in fields().items()
        if (declared_cost(field) or Cost()).per_row
    }
    # Its rows are those of the viewport that it is in.
    assert by_row == {"Viewport", "ViewportError", "LabelChanges", "ModelComparison"}
    for name, field in fields().items():
        if named_type(field.type).name in by_row - {"ViewportError"}:
            assert (declared_cost(field) or Cost()).rows is not None, name


@strawberry.type
class Item:
    name: str
    names: list[str]


@strawberry.type
class Query:
    silent: list[Item] | None
    short: list[Item] = strawberry.field(metadata=cost(items=Length(3)))


@pytest.mark.parametrize(
    ("document", "fits"),
    [
        ("{ short { name } }", True),
        ("{ silent { name } }", True),
        (f"{{ silent {{ {' '.join(f'a{i}: name' for i in range(30))} }} }}", False),
        (f"{{ short {{ {' '.join(f'a{i}: name' for i in range(30))} }} }}", True),
        (f"{{ short {{ {' '.join(f'a{i}: names' for i in range(10))} }} }}", False),
        ("{ silent { names } }", False),
        ("{ __schema { types { fields { args { name } } } } }", True),
    ],
)
def test_a_list_that_declares_no_length_counts_as_the_longest(document: str, fits: bool) -> None:
    parser = Parser(strawberry.Schema(query=Query)._schema)
    if fits:
        assert parser.parse(document).operations == 1
        return
    with pytest.raises(GraphQLError, match="values"):
        parser.parse(document)


def test_fragments_are_weighed_as_of_their_type() -> None:
    parser = Parser(schema()._schema)
    columns = " ".join(f"a{i}: scores" for i in range(7))
    spread = f"{{ viewport(first: 10000) {{ ...F }} }} fragment F on Viewport {{ {columns} }}"
    inline = f"{{ viewport(first: 10000) {{ ... on Viewport {{ ... {{ {columns} }} }} }} }}"
    for document in (spread, inline):
        with pytest.raises(GraphQLError, match="values"):
            parser.parse(document)
        assert parser.parse(document.replace("10000", "1000")).operations == 1
