"""Weights of introspection, counted over the schema itself.

What a document selects below ``__schema`` and ``__type`` depends on nothing but the schema. So
its answer is not estimated, as that of other fields is, but counted: each selection once for each
part of the schema, in no more steps than the answer may have values.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    get_named_type,
    get_nullable_type,
    introspection_types,
    is_list_type,
)

FIELDS = frozenset({"__schema", "__type"})
"""The fields of ``Query`` that answer with parts of the schema."""

VALUES_EACH = 4
"""What each value counts: it takes four times as long as one of a tile."""

TEXT_LENGTH = 32
"""Characters of a description that count as one more value."""

Fragments = Mapping[str, FragmentDefinitionNode]


class _Info(NamedTuple):
    """All that resolvers of introspection use of a request."""

    schema: GraphQLSchema


class _Answer(NamedTuple):
    """What a part of the schema answers to a field.

    Attributes:
        source: the part; kept, so that its identity stays its own.
        kind: name of the type that the field answers.
        parts: those that a selection is about.
        size: values without a selection.
    """

    source: object
    kind: str
    parts: tuple[Any, ...]
    size: int


_ONE = _Answer(None, "", (), 1)


class _TooManyError(Exception):
    """A document's introspection has more values than it may."""


class SchemaAnswers:
    """The answers of a schema about itself; threads may share them."""

    def __init__(self, schema: GraphQLSchema) -> None:
        """Begin with none."""
        self._schema = schema
        self._info = cast(GraphQLResolveInfo[Any], _Info(schema))
        # Of parts of the schema, each with few fields: it cannot grow without end.
        self._known: dict[tuple[int, str], _Answer] = {}

    def roots(self, field: FieldNode) -> tuple[Any, ...]:
        """Return what one of ``FIELDS`` may be about: the schema, one type, or any of them."""
        if field.name.value == "__schema":
            return (self._schema,)
        names = [a.value for a in field.arguments or () if a.name.value == "name"]
        if names and isinstance(names[0], StringValueNode):
            found = self._schema.get_type(names[0].value)
            return () if found is None else (found,)
        return tuple(self._schema.type_map.values())

    def of(self, type_name: str, part: object, field_name: str) -> _Answer:
        """Return the answer of a part of the schema, of an introspection type, to a field."""
        key = (id(part), field_name)
        if key not in self._known:
            kind = introspection_types.get(type_name)
            field = kind.fields.get(field_name) if isinstance(kind, GraphQLObjectType) else None
            if field is None or field.resolve is None:
                return _ONE  # __typename, or what validation refuses
            # Not overwritten by a second thread: the first may use its parts already.
            self._known.setdefault(key, self._resolve(field, part))
        return self._known[key]

    def _resolve(self, field: GraphQLField, part: object) -> _Answer:
        resolve = cast(Callable[..., Any], field.resolve)
        deprecated = {"includeDeprecated": True} if "includeDeprecated" in field.args else {}
        found = resolve(part, self._info, **deprecated)
        inner = get_named_type(field.type)
        if found is None:
            return _Answer(part, inner.name, (), 1)
        found = tuple(found) if is_list_type(get_nullable_type(field.type)) else (found,)
        if isinstance(inner, GraphQLObjectType):
            return _Answer(part, inner.name, found, 0)
        return _Answer(part, inner.name, (), sum(map(_leaf_size, found)))


def _leaf_size(value: object) -> int:
    return 1 + (len(value) // TEXT_LENGTH if isinstance(value, str) else 0)


class IntrospectionWeight:
    """Weighs the introspection in one document."""

    def __init__(self, answers: SchemaAnswers, fragments: Fragments, most: int) -> None:
        """Begin with none.

        Args:
            answers: of the schema.
            fragments: of the document, by name.
            most: values, at which to stop.
        """
        self._answers = answers
        self._fragments = fragments
        self._most = most
        self._steps = 0
        self._known: dict[tuple[int, int], int] = {}
        self._selected: dict[int, tuple[FieldNode, ...]] = {}

    def of(self, field: FieldNode, depth: int) -> int:
        """Return the values that one of ``FIELDS`` counts as.

        Args:
            field: part of the document.
            depth: levels of fields in it.

        Returns:
            The number, or one that is larger than ``most``. Of a type whose name is in a variable:
            the most that any type has.
        """
        if field.selection_set is None:
            return VALUES_EACH
        kind = "__Schema" if field.name.value == "__schema" else "__Type"
        sizes = [0]
        try:
            for root in self._answers.roots(field):
                sizes.append(self._count(field.selection_set, kind, root, depth))
        except _TooManyError:
            return self._most + 1
        return VALUES_EACH * (1 + max(sizes))

    def _count(self, selections: SelectionSetNode, kind: str, part: object, depth: int) -> int:
        key = (id(selections), id(part))
        # A fragment within itself, which validation refuses, would have no depth.
        if key not in self._known and depth > 0:
            fields = self._fields(selections)
            self._known[key] = sum(self._size(field, kind, part, depth) for field in fields)
        return self._known.get(key, 0)

    def _size(self, field: FieldNode, kind: str, part: object, depth: int) -> int:
        self._steps += 1
        answer = self._answers.of(kind, part, field.name.value)
        size = answer.size
        if field.selection_set is not None:
            for found in answer.parts:
                size += 1 + self._count(field.selection_set, answer.kind, found, depth - 1)
        if VALUES_EACH * max(self._steps, size) > self._most:
            raise _TooManyError
        return size

    def _fields(self, selections: SelectionSetNode) -> tuple[FieldNode, ...]:
        if id(selections) not in self._selected:
            self._selected[id(selections)] = tuple(unfolded(selections, self._fragments))
        return self._selected[id(selections)]


def unfolded(selections: SelectionSetNode, fragments: Fragments) -> Iterator[FieldNode]:
    """Yield the fields of a selection and of the fragments in it, each fragment once."""
    waiting = [selections]
    spread: set[str] = set()
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name in fragments and name not in spread:
                    spread.add(name)
                    waiting.append(fragments[name].selection_set)


def is_introspection(operation: OperationDefinitionNode, fragments: Fragments) -> bool:
    """Whether an operation asks for nothing but the schema."""
    names = {field.name.value for field in unfolded(operation.selection_set, fragments)}
    only = names <= FIELDS | {"__typename"} and names & FIELDS
    return bool(only) and operation.operation is OperationType.QUERY
