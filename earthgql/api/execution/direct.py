"""Execution without the generality that fields of this schema do not use.

Strawberry resolves every field through layers that look for extensions, permissions, and arguments
to convert. An answer of 500 tiles has 20,000 fields, most of which are attributes of what was
made for them: those are read directly, and methods that are given no more than ``info`` and
plain numbers are called directly. All others stay as Strawberry made them.

Objects of which nothing but such scalar attributes is asked, as of 17 scores a tile, are answered
without looking at each field anew.
"""

from collections.abc import Callable, Mapping
from inspect import Parameter
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    is_non_null_type,
    is_specified_scalar_type,
)
from strawberry import relay
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import Info
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from earthgql.api import ids

Resolver = Callable[..., Any]
RawInfo = GraphQLResolveInfo[Any]
_PLAIN = (int, float, str, bool)


class _Leaf(NamedTuple):
    """How to answer a field: its name in the answer, what reads it, what makes it JSON."""

    name: str
    read: Callable[[Any], Any]
    coerce: Callable[[Any], Any]


Plan = list[_Leaf] | None


class LeanExecution(StrawberryGraphQLCoreExecutionContext):
    """Executes a document; objects of which only scalar attributes are asked take a short cut."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # By the identity of a group of fields, which is kept with its plan and so not used again.
        self._plans: dict[int, tuple[Mapping[str, Any], Plan]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Mapping[str, Any],
        position_context: Any,
    ) -> Any:
        """Answer the fields of one object; see the base class."""
        known = self._plans.get(id(grouped_field_set))
        if known is None:
            known = (grouped_field_set, self._plan(parent_type, grouped_field_set))
            self._plans[id(grouped_field_set)] = known
        if known[1] is not None:
            try:
                return {name: coerce(read(source_value)) for name, read, coerce in known[1]}
            except Exception:  # noqa: S110 - the long way tells what is wrong, and where
                pass
        return super().execute_fields(
            parent_type,
            source_value,
            path,
            grouped_field_set,  # type: ignore[arg-type]
            position_context,
        )

    def _plan(self, parent_type: GraphQLObjectType, fields: Mapping[str, Any]) -> Plan:
        """Return how to answer each field; None if one of them is more than an attribute."""
        plan = []
        for name, details in fields.items():
            field = self.schema.get_field(parent_type, details[0].node.name.value)
            read = getattr(field.resolve, "read", None) if field else None
            if field is None or read is None or not is_non_null_type(field.type):
                return None
            scalar = field.type.of_type
            # GraphQL's own refuse null; what else there is need not.
            if not isinstance(scalar, GraphQLScalarType) or not is_specified_scalar_type(scalar):
                return None
            plan.append(_Leaf(name, read, scalar.coerce_output_value))
        return plan


def make_lean(schema: GraphQLSchema) -> None:
    """Replace the resolvers of a schema that Strawberry made by direct ones, where they may be."""
    for made in schema.type_map.values():
        if isinstance(made, GraphQLObjectType):
            for name, field in made.fields.items():
                resolver = _direct(made.name, name, field)
                if resolver is not None:
                    field.resolve = resolver


def _direct(type_name: str, name: str, field: GraphQLField) -> Resolver | None:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if not isinstance(definition, StrawberryField) or definition.extensions:
        return None
    if definition.is_basic_field:
        return _attribute(definition.python_name)
    if name == "id" and definition.origin is relay.Node:
        return _global_id(type_name)
    return _call(field, definition)


def _call(field: GraphQLField, definition: StrawberryField) -> Resolver | None:
    resolver = definition.base_resolver
    if resolver is None or field.resolve is None:
        return None
    if resolver.info_parameter is None:
        direct = _method(resolver.wrapped_func)
    else:
        direct = _method_with_info(resolver.wrapped_func, definition, resolver.info_parameter)
    others = [
        name
        for name, given in zip(field.args, definition.arguments, strict=True)
        if not _is_plain(given.type, given.python_name)
    ]
    if any(field.args[name].default_value is not None for name in others):
        return None
    return _unless_given(others, direct, field.resolve) if others else direct


def _is_plain(kind: Any, name: str) -> bool:
    """Tell whether GraphQL hands over an argument as the method takes it, name and all."""
    inner = kind.of_type if isinstance(kind, StrawberryOptional) else kind
    return inner in _PLAIN and "_" not in name


def _attribute(name: str) -> Resolver:
    read = attrgetter(name)

    def resolve(source: Any, _info: RawInfo) -> Any:
        return read(source)

    resolve.read = read  # type: ignore[attr-defined]
    return resolve


def _global_id(type_name: str) -> Resolver:
    def resolve(source: Any, _info: RawInfo) -> str:
        return ids.encode(type_name, source.row_id)

    return resolve


def _unless_given(names: list[str], direct: Resolver, usual: Resolver) -> Resolver:
    """Take the direct way of a method that is called without what would need converting."""

    def resolve(source: Any, info: RawInfo, **arguments: Any) -> Any:
        for name in names:
            if arguments.get(name) is not None:
                return usual(source, info, **arguments)
        for name in names:
            arguments.pop(name, None)
        return direct(source, info, **arguments)

    return resolve


def _method(method: Any) -> Resolver:
    def resolve(source: Any, _info: RawInfo, **arguments: Any) -> Any:
        return method(source, **arguments)

    return resolve


def _method_with_info(method: Any, field: StrawberryField, parameter: Parameter) -> Resolver:
    name = parameter.name

    def resolve(source: Any, info: RawInfo, **arguments: Any) -> Any:
        arguments[name] = Info(_raw_info=info, _field=field)
        return method(source, **arguments)

    return resolve
