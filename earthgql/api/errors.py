"""Errors in answers: a message for people, and a code for programs.

Every error has ``extensions.code``. The messages of ``EarthGQLError`` and of GraphQL itself are
shown; anything else is a defect: logged in full, and masked.
"""

import logging
from collections.abc import Iterable
from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import StrawberryInputCoercionError

from earthgql.errors import MASKED, BadInputError, EarthGQLError

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_REQUEST = "BAD_REQUEST"

_log = logging.getLogger(__name__)


def present(errors: Iterable[GraphQLError], *, executed: bool) -> list[dict[str, Any]]:
    """Return errors as they go into a response, logging those that are not the client's.

    Args:
        errors: as GraphQL collected them.
        executed: whether the document got past parsing and validation.
    """
    presented = []
    # What kept a thousand tiles from being classified is one line in the log.
    logged: set[str] = set()
    for error in errors:
        message, code = _message_and_code(error, logged, executed=executed)
        formatted: dict[str, Any] = {**error.formatted, "message": message}
        presented.append({**formatted, "extensions": {**(error.extensions or {}), "code": code}})
    return presented


def _message_and_code(error: GraphQLError, logged: set[str], *, executed: bool) -> tuple[str, str]:
    cause = _cause(error)
    if isinstance(cause, EarthGQLError):
        if cause.status >= 500 and repr(cause) not in logged:
            logged.add(repr(cause))
            _log.warning("%s at %s: %s", cause.code, error.path, cause)
        return cause.public_message, cause.code
    if isinstance(cause, StrawberryInputCoercionError):
        return error.message, BadInputError.code
    if cause is not None or _is_about_an_answer(error):
        if repr(cause or error) not in logged:
            logged.add(repr(cause or error))
            _log.error("masked an error at %s", error.path, exc_info=cause or error)
        return MASKED, EarthGQLError.code
    if executed:
        return error.message, BadInputError.code
    if isinstance(error, GraphQLSyntaxError):
        return error.message, PARSE_FAILED
    return error.message, str((error.extensions or {}).get("code", VALIDATION_FAILED))


def _cause(error: GraphQLError) -> Exception | None:
    """Return what was raised below GraphQL; None if GraphQL itself raised the error."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError) and not isinstance(cause, StrawberryInputCoercionError):
        cause = cause.original_error
    return cause if isinstance(cause, Exception) else None


def _is_about_an_answer(error: GraphQLError) -> bool:
    """Tell whether GraphQL refused the value of a resolver, rather than input of the client.

    Errors of arguments point at the argument, errors of answers at the field.
    """
    nodes = error.nodes or []
    return error.path is not None and all(isinstance(node, FieldNode) for node in nodes)
