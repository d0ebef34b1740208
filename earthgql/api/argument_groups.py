"""Arguments that several fields share: declared once, handed to resolvers as one value."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import Field, fields
from functools import cache, wraps
from typing import Any, ClassVar, Self, TypeVar

Result = TypeVar("Result")


class Arguments:
    """Base of dataclasses whose fields are arguments in GraphQL, or such dataclasses themselves."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @classmethod
    def take(cls, values: dict[str, Any]) -> Self:
        """Make the object of the values that GraphQL hands over, and remove them from these."""
        taken: dict[str, Any] = {}
        for name, group in _members(cls):  # type: ignore[arg-type]
            if group is not None:
                taken[name] = group.take(values)
            elif name in values:
                taken[name] = values.pop(name)
        return cls(**taken)


def grouped(
    resolver: Callable[..., Awaitable[Result]],
) -> Callable[..., Awaitable[Result]]:
    """Let a resolver take dataclasses of arguments; in the schema each field is one argument.

    Args:
        resolver: its parameters that are annotated with a subclass of ``Arguments`` stand for the
            fields of that class, in their order.
    """
    signature = inspect.signature(resolver)
    groups: dict[str, type[Arguments]] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if _is_group(parameter.annotation)
    }

    @wraps(resolver)
    async def resolve(*positional: Any, **values: Any) -> Result:
        for name, group in groups.items():
            values[name] = group.take(values)
        return await resolver(*positional, **values)

    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += _parameters(groups[name]) if name in groups else [parameter]
    # What Strawberry reads the arguments of a field from.
    resolve.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return resolve


def _is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Arguments)


@cache
def _members(cls: type[Arguments]) -> tuple[tuple[str, type[Arguments] | None], ...]:
    """Return the fields of a group, each with its class if it is a group itself."""
    return tuple((f.name, f.type if _is_group(f.type) else None) for f in fields(cls))  # type: ignore[misc]


def _parameters(cls: type[Arguments]) -> list[inspect.Parameter]:
    found: list[inspect.Parameter] = []
    for member in fields(cls):
        if _is_group(member.type):
            found += _parameters(member.type)  # type: ignore[arg-type]
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameter = inspect.Parameter(member.name, kind, annotation=member.type)
            found.append(parameter.replace(default=member.default))
    return found
