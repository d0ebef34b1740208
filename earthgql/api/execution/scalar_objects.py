"""A short cut for objects of which a document selects nothing but scalar attributes.

Of 500 tiles with 17 scores each, 8,500 objects are such: their fields are looked up once, and then
each object is answered by reading its attributes. This overrides graphql-core's private
``execute_fields``, so it is used only with versions that it was tested with; ``bench/objects.py``
measures it.
"""

import logging
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

from graphql import (
    GraphQLObjectType,
    GraphQLScalarType,
    is_non_null_type,
    is_specified_scalar_type,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from earthgql.cancellation import Abandoned, current

TESTED = {"graphql-core": "3.3.", "strawberry-graphql": "0.341."}
"""Beginnings of the versions whose private parts are as this module and ``direct`` need them."""

_log = logging.getLogger(__name__)


class _Attribute(NamedTuple):
    """How to answer a field: its name in the answer, its reader, its conversion to JSON."""

    name: str
    read: Callable[[Any], Any]
    coerce: Callable[[Any], Any]


Attributes = list[_Attribute] | None


class ScalarObjectExecution(StrawberryGraphQLCoreExecutionContext):
    """Executes a document; objects of scalar attributes only are answered by reading these.

    It ends when the request is cancelled.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cancellation = current()
        # By the identity of a group of fields, which is kept with it and so not used again.
        self._known: dict[int, tuple[Mapping[str, Any], Attributes]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Mapping[str, Any],
        position_context: Any,
    ) -> Any:
        """Answer the fields of one object; see the base class.

        Raises:
            Abandoned: if the request was cancelled.
        """
        if self._cancellation is not None and self._cancellation.reason is not None:
            raise Abandoned(self._cancellation.reason)
        known = self._known.get(id(grouped_field_set))
        if known is None:
            known = (grouped_field_set, self._attributes(parent_type, grouped_field_set))
            self._known[id(grouped_field_set)] = known
        if known[1] is not None:
            try:
                return {name: coerce(read(source_value)) for name, read, coerce in known[1]}
            except Exception:  # noqa: S110 - the usual way finds the error again, and its path
                pass
        return super().execute_fields(
            parent_type,
            source_value,
            path,
            grouped_field_set,  # type: ignore[arg-type]
            position_context,
        )

    def _attributes(self, parent_type: GraphQLObjectType, fields: Mapping[str, Any]) -> Attributes:
        """Return how to answer each field; None if one of them is more than an attribute."""
        found = []
        for name, details in fields.items():
            field = self.schema.get_field(parent_type, details[0].node.name.value)
            read = getattr(field.resolve, "read", None) if field else None
            if field is None or read is None or not is_non_null_type(field.type):
                return None
            scalar = field.type.of_type
            # GraphQL's own scalars refuse null; others need not.
            if not isinstance(scalar, GraphQLScalarType) or not is_specified_scalar_type(scalar):
                return None
            found.append(_Attribute(name, read, scalar.coerce_output_value))
        return found


def is_tested() -> bool:
    """Whether the short cuts were tested with the libraries installed; else the log says so."""
    other = {
        name: found
        for name, known in TESTED.items()
        if not (found := version(name)).startswith(known)
    }
    if other:
        _log.warning(
            "answers of many objects take longer: the short cuts are untested with %s",
            ", ".join(f"{name} {found}" for name, found in other.items()),
        )
    return not other
