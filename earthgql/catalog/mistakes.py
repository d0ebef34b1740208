"""What is wrong with a JSON value that has not the form asked for, in words for clients."""

from pydantic_core import ErrorDetails

_NUMBER = "must be a number"
_WHOLE = "must be a whole number"
_OBJECT = "must be an object"
_WORDS = {
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


def in_words(mistake: ErrorDetails) -> str:
    """Say what is wrong, without what pydantic calls things: classes, dictionaries, integers."""
    if mistake["type"] == "value_error":
        return mistake["msg"].removeprefix("Value error, ")
    if mistake["type"] == "too_long":
        return f"may have {mistake['ctx']['max_length']} items at most"
    return _WORDS.get(mistake["type"], "is not of the form asked for")
