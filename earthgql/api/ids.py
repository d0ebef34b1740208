"""Global ids: opaque strings that name a type and a row, such as ``Tile:42`` in base64."""

import base64
import binascii
import re

from earthgql.database.engine import LARGEST_ROW_ID
from earthgql.errors import BadInputError, shortened

_NUMBER = re.compile("[0-9]{1,40}")


def encode(kind: str, row_id: int) -> str:
    """Return the opaque form of ``kind:row_id``."""
    return base64.b64encode(f"{kind}:{row_id}".encode()).decode()


def decode(text: str) -> tuple[str, int]:
    """Return the kind and the row id in an opaque id.

    Raises:
        BadInputError: if ``text`` is not of the form that ``encode`` makes.
    """
    try:
        kind, _, number = base64.b64decode(text, validate=True).decode("ascii").partition(":")
    except (ValueError, binascii.Error):
        kind, number = "", ""
    if not kind or not _NUMBER.fullmatch(number) or encode(kind, int(number)) != text:
        raise BadInputError(f"{shortened(text)} is not an id that this API gave out")
    return kind, min(int(number), LARGEST_ROW_ID)


def decode_as(kind: str, text: str) -> int:
    """Return the row id in an opaque id of one kind.

    Raises:
        BadInputError: if ``text`` is malformed or of another kind.
    """
    found, row_id = decode(text)
    if found != kind:
        raise BadInputError(f"{shortened(text)} is the id of a {found}, not of a {kind}")
    return row_id
