"""Cursors: opaque places in a list, each bound to the query whose list it is."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from datetime import datetime

from earthgql.catalog.json_input import as_moment
from earthgql.catalog.scores import as_real
from earthgql.catalog.tiles.order import BY_ID, Position, TileOrder
from earthgql.database.engine import LARGEST_ROW_ID
from earthgql.errors import BadInputError, shortened

_KIND = "Cursor"
_NUMBER = re.compile("[0-9]{1,40}")


class Cursors:
    """The cursors of one query: its list is the same, on whichever page."""

    def __init__(self, field: str, *arguments: object, order: TileOrder = BY_ID) -> None:
        """Bind cursors to a query.

        Args:
            field: of the query.
            arguments: of the field, but for those that choose a page: values whose ``repr`` is
                equal if and only if the list is the same.
            order: of the list.
        """
        self._identity = (field, *arguments, order)
        self._read_key = _KEYS[order.by]
        self._digest: str | None = None

    @property
    def _query(self) -> str:
        if self._digest is None:
            written = repr(self._identity).encode(errors="surrogatepass")
            self._digest = hashlib.blake2b(written, digest_size=8).hexdigest()
        return self._digest

    def write(self, place: Position) -> str:
        """Return the cursor of a place."""
        key = place.key.isoformat() if isinstance(place.key, datetime) else place.key
        parts = [_KIND, str(place.id), self._query, *([] if key is None else [str(key)])]
        return base64.b64encode(":".join(parts).encode()).decode()

    def read(self, text: str) -> Position:
        """Return the place of a cursor.

        Raises:
            BadInputError: if it is malformed, or of another query.
        """
        try:
            decoded = base64.b64decode(text, validate=True).decode("ascii")
        except (ValueError, binascii.Error):
            decoded = ""
        kind, number, query, *key = [*decoded.split(":", 3), "", "", ""][:4]
        foreign = f"{shortened(text)} is not a cursor that this API gave out"
        if kind != _KIND or not _NUMBER.fullmatch(number):
            raise BadInputError(foreign)
        if query != self._query:
            raise BadInputError(
                f"{shortened(text)} is a cursor of another query: page on with the arguments that"
                " it came from, but for the page itself"
            )
        try:
            return Position(min(int(number), LARGEST_ROW_ID), self._read_key(key[0]))
        except ValueError:
            raise BadInputError(foreign) from None


def _no_key(_text: str) -> None:
    return None


def _score(text: str) -> float:
    score = float(text)
    # Only as ``write`` has it: the database does not take all of the smallest numbers.
    if not 0 <= score <= 1 or text != str(as_real([score])[0]):
        raise ValueError
    return score


def _moment(text: str) -> datetime | None:
    moment = as_moment(text) if text else None
    if moment is not None and moment.tzinfo is None:
        raise ValueError
    return moment


_KEYS: dict[str, Callable[[str], float | datetime | None]] = {
    "id": _no_key,
    "label": _score,
    "acquired": _moment,
}
