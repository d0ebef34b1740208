"""Names of properties in an encoded vector tile.

PostGIS takes the names of properties from those of columns, which have at most 63 bytes, while
labels may have more, and any characters. So columns are named by number and renamed here.

The form is that of the Mapbox Vector Tile Specification 2.1: a tile is a Protocol Buffers message
of layers (field 3), a layer one of a name (1), features (2), keys (3), values (4) and numbers.
"""

from collections.abc import Iterator, Mapping

_LAYER, _KEY = 3, 3
_LENGTH_DELIMITED = 2


def rename_keys(tile: bytes, names: Mapping[str, str]) -> bytes:
    """Return a vector tile with some keys of properties renamed.

    Args:
        tile: as PostGIS encodes it.
        names: new names by old ones; other keys stay.
    """
    return b"".join(
        _field(_LAYER, b"".join(_renamed(value, names))) if number == _LAYER else raw
        for number, value, raw in _fields(tile)
    )


def _renamed(layer: bytes, names: Mapping[str, str]) -> Iterator[bytes]:
    for number, value, raw in _fields(layer):
        new = names.get(value.decode()) if number == _KEY else None
        yield raw if new is None else _field(_KEY, new.encode())


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, content and all bytes of each field; the content of a plain number is empty."""
    at = 0
    while at < len(message):
        begin = at
        tag, at = _varint(message, at)
        size, content = _varint(message, at)
        if tag & 7 == _LENGTH_DELIMITED:
            at = content + size
            yield tag >> 3, message[content:at], message[begin:at]
        else:  # a layer has no other fields than these and varints
            at = content
            yield tag >> 3, b"", message[begin:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return a number and the place behind it."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _LENGTH_DELIMITED]) + _as_varint(len(content)) + content


def _as_varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
