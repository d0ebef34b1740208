"""Resolvers without Strawberry's layers, for fields that do not need them.

Strawberry resolves every field through layers that look for extensions, permissions, and arguments
to convert. An answer of 500 tiles has 20,000 fields, most of which are attributes of objects made
for the answer: those are read directly, and methods that take no more than ``info`` and plain
numbers or strings are called directly. All others stay as Strawberry made them.
"""

from collections.abc import Callable
from inspect import Parameter
from operator import attrgetter
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
)
from strawberry import relay
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import Info
from strawberry.types.base import StrawberryOptional
from strawberry.types.field import StrawberryField

from earthgql.api import ids

Resolver = Callable[..., Any]
RawInfo = GraphQLResolveInfo[Any]
_PLAIN = (int, float, str, bool)


def use_direct_resolvers(schema: GraphQLSchema) -> None:
    """Replace Strawberry's resolvers of a schema by direct ones, where the result is the same."""
    for found in schema.type_map.values():
        if isinstance(found, GraphQLObjectType):
            for name, field in found.fields.items():
                resolver = _direct(found.name, name, field)
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
        for name, argument in zip(field.args, definition.arguments, strict=True)
        if not _is_plain(argument.type, argument.python_name)
    ]
    if any(field.args[name].default_value is not None for name in others):
        return None
    return _without(others, direct, field.resolve) if others else direct


def _is_plain(kind: Any, name: str) -> bool:
    """Tell whether GraphQL passes an argument under the method's name for it, unconverted."""
    inner = kind.of_type if isinstance(kind, StrawberryOptional) else kind
    return inner in _PLAIN and "_" not in name


def _attribute(name: str) -> Resolver:
    read = attrgetter(name)

    def resolve(source: Any, _info: RawInfo) -> Any:
        return read(source)

    resolve.read = read  # type: ignore[attr-defined]  # for ``scalar_objects``
    return resolve


def _global_id(type_name: str) -> Resolver:
    def resolve(source: Any, _info: RawInfo) -> str:
        return ids.encode(type_name, source.row_id)

    return resolve


def _without(names: list[str], direct: Resolver, usual: Resolver) -> Resolver:
    """Call a method directly unless one of these arguments, which need converting, has a value."""

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
