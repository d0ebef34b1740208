"""Weights of documents: the costs of their fields, added up."""

from typing import NamedTuple

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter

from earthgql.api.costs import KEY, Cost, Length

UNBOUND = Cost(items=Length(10_000), values=10_000)
"""Of a list that does not say how long it is."""

_ONE = Cost()


class Weight(NamedTuple):
    """The weight of a part of a document, with its fragments unfolded.

    Attributes:
        depth: levels of fields.
        values: fields in the answer, those of a list as often as it may have items.
        aliases: fields given another name.
        areas: fields that read or count all tiles of an area.
        per_row: values for each row of a field further out.
    """

    depth: int = 0
    values: int = 0
    aliases: int = 0
    areas: int = 0
    per_row: int = 0


class KnownField(NamedTuple):
    """A field of the schema.

    Attributes:
        cost: what it declares.
        type_name: of the object or leaf that it answers, or of which it answers a list.
    """

    cost: Cost
    type_name: str


UNKNOWN = KnownField(_ONE, "")
"""What validation refuses, and ``__typename`` and the like."""


class Costs:
    """The costs of all fields of a schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Collect what the fields declare; lists that declare no length get ``UNBOUND``."""
        self._roots: dict[str, str] = {
            operation: root.name
            for operation in ("query", "mutation", "subscription")
            if (root := getattr(schema, f"{operation}_type")) is not None
        }
        self._fields = {
            name: {key: _known(field, introspects=name.startswith("__")) for key, field in fields}
            for name, fields in (
                (found.name, found.fields.items())
                for found in schema.type_map.values()
                if isinstance(found, GraphQLObjectType | GraphQLInterfaceType)
            )
        }

    def root(self, operation: OperationDefinitionNode) -> str:
        """Return the name of the type that an operation selects from."""
        return self._roots.get(str(operation.operation.value), "")

    def field(self, type_name: str, field_name: str) -> KnownField:
        """Return what is known of a field; ``UNKNOWN`` if there is none."""
        return self._fields.get(type_name, {}).get(field_name, UNKNOWN)


def weigh_field(field: FieldNode, cost: Cost, inner: Weight) -> Weight:
    """Return the weight of a field, given that of its selection."""
    values, per_row = _values(field, cost, inner)
    return Weight(
        depth=inner.depth + 1,
        values=values,
        aliases=inner.aliases + (field.alias is not None),
        areas=inner.areas + cost.area,
        per_row=per_row,
    )


def declared_cost(field: GraphQLField) -> Cost | None:
    """Return the cost that a field of a schema declares, if any."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    found = getattr(definition, "metadata", {}).get(KEY)
    return found if isinstance(found, Cost) else None


def is_list(field: GraphQLField) -> bool:
    """Whether a field answers a list."""
    return is_list_type(get_nullable_type(field.type))


def _known(field: GraphQLField, *, introspects: bool) -> KnownField:
    cost = declared_cost(field) or _ONE
    if not introspects and is_list(field) and not cost.is_bound:
        cost = UNBOUND
    return KnownField(cost, get_named_type(field.type).name)


def _values(field: FieldNode, cost: Cost, inner: Weight) -> tuple[int, int]:
    """Return ``values`` and ``per_row`` of a field's weight."""
    if field.selection_set is None:
        return cost.values, cost.per_row
    values = (inner.values + 1) * (cost.items.of(field) if cost.items else 1)
    if cost.per_row:
        return 0, values * cost.per_row
    if cost.rows is None and not cost.base:
        return values, inner.per_row
    rows = cost.rows.of(field) if cost.rows else 1
    return values + cost.base + max(inner.per_row, 1) * rows, 0
