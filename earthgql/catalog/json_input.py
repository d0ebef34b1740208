"""Input in JSON and query strings: times, and messages about invalid values."""

import re
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import ErrorDetails

_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OFFSET_BELOW = timedelta(hours=16)
_NUMBER = "must be a number"
_WHOLE = "must be a whole number"
_OBJECT = "must be an object"
_TEXTS = {
    "bool_type": "must be true or false",
    "dict_type": _OBJECT,
    "extra_forbidden": "there is nothing of this name",
    "finite_number": _NUMBER,
    "float_parsing": _NUMBER,
    "float_type": _NUMBER,
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_type": _WHOLE,
    "list_type": "must be a list",
    "missing": "is missing",
    "model_type": _OBJECT,
    "string_type": "must be text",
    "string_unicode": "must be text",
    "tuple_type": "must be a list",
}


def has_storable_offset(moment: datetime) -> bool:
    """Whether PostgreSQL takes the UTC offset of a time: whole seconds, less than 16 hours."""
    offset = moment.utcoffset() or timedelta()
    return abs(offset) < _OFFSET_BELOW and not offset.microseconds


def as_moment(value: object) -> datetime:
    """Read a time; a number is none, for it could mean a year as well as seconds.

    Raises:
        ValueError: if it is none, or has an offset that the database does not take; says how to
            write it.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.match(value):
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
            # Brought to UTC instead, times of the years 1 and 9999 would overflow.
            if has_storable_offset(moment):
                return moment
    raise ValueError(
        "a time is written as 2024-08-01T12:00:00Z, and in JSON within quotes; an offset instead"
        " of Z, such as +02:00, is less than 16 hours"
    )


Moment = Annotated[datetime, BeforeValidator(as_moment)]
"""A time in JSON: text in ISO 8601; a date alone is its midnight."""


def error_text(error: ErrorDetails) -> str:
    """Return the message for clients about an invalid value, without Python's names of types.

    Args:
        error: one of pydantic's ``ValidationError.errors()``.
    """
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    return _TEXTS.get(error["type"], "is not of the form asked for")
