"""Find the tiles in a GraphQL answer, for drawing them."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from earthgql.errors import BadInputError

_IMAGE = re.compile(r"/tiles/(\d+)\.png")


@dataclass(frozen=True, slots=True)
class AnswerTile:
    """A tile of an answer.

    Attributes:
        z: zoom level.
        x: column of the grid.
        y: row of the grid, from the north.
        labels: what it shows, highest score first.
        tile_id: row id of the tile; None if the answer has none.
    """

    z: int
    x: int
    y: int
    labels: tuple[str, ...]
    tile_id: int | None


def tiles_of(data: Any) -> list[AnswerTile]:
    """Find all tiles in an answer, whatever fields they are in; larger tiles come first.

    A tile is an object with ``z``, ``x`` and ``y``, or with a ``quadkey``, or a row of an answer in
    columns. Its labels are those of its ``classification``, or of the classification it lies in.

    Raises:
        BadInputError: if there is none.
    """
    found = {(tile.z, tile.x, tile.y): tile for tile in _walk(data, ())}
    if not found:
        raise BadInputError(
            "the answer has no tiles to draw: ask for z, x and y (or quadkey) of tiles, "
            "with classification { labels }"
        )
    # Smaller tiles are drawn over larger ones.
    return sorted(found.values(), key=lambda tile: (tile.z, tile.y, tile.x))


def _walk(value: Any, labels: tuple[str, ...]) -> Iterator[AnswerTile]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, labels)
    elif isinstance(value, Mapping):
        labels = _labels(value) or labels
        place = _place(value)
        if place is not None:
            yield AnswerTile(*place, labels, _tile_id(value))
        elif _has_columns(value):
            yield from _tiles_of_columns(value)
        for inner in value.values():
            yield from _walk(inner, labels)


def _labels(value: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of a classification, or of a tile with one."""
    classification = value.get("classification") if "classification" in value else value
    if not isinstance(classification, Mapping):
        return ()
    named = classification.get("labels")
    if not isinstance(named, list):
        scores = classification.get("scores")
        named = [score.get("label") for score in scores] if isinstance(scores, list) else []
    return tuple(label for label in named if isinstance(label, str))


def _place(value: Mapping[str, Any]) -> tuple[int, int, int] | None:
    z, x, y = (value.get(name) for name in "zxy")
    if isinstance(z, int) and isinstance(x, int) and isinstance(y, int):
        return z, x, y
    quadkey = value.get("quadkey")
    if not isinstance(quadkey, str) or not re.fullmatch("[0-3]{1,24}", quadkey):
        return None
    x = sum((int(digit) & 1) << i for i, digit in enumerate(reversed(quadkey)))
    y = sum((int(digit) >> 1) << i for i, digit in enumerate(reversed(quadkey)))
    return len(quadkey), x, y


def _tile_id(value: Mapping[str, Any]) -> int | None:
    found = _IMAGE.search(str(value.get("imageUrl")))
    if found:
        return int(found[1])
    try:
        kind, _, number = base64.b64decode(str(value.get("id"))).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return int(number) if kind == "Tile" and number.isdigit() else None


def _has_columns(value: Mapping[str, Any]) -> bool:
    return all(isinstance(value.get(name), list) for name in "zxy")


def _tiles_of_columns(value: Mapping[str, Any]) -> Iterator[AnswerTile]:
    """The tiles of a ``viewport``; labels are those with a score of at least 0.5."""
    from earthgql.api.types.viewport import NONE, SCALE

    labels, count = value.get("labels"), len(value["z"])
    encoded = value.get("scores")
    scores = None
    if labels and isinstance(labels, list) and isinstance(encoded, str):
        numbers = np.frombuffer(base64.b64decode(encoded), "<u2")
        scores = numbers.reshape(count, len(labels)).astype(int)
    for row in range(count):
        named: tuple[str, ...] = ()
        if scores is not None and labels and scores[row, 0] != NONE:
            order = np.argsort(-scores[row])
            named = tuple(labels[i] for i in order if 2 * scores[row, i] >= SCALE)
        ids = value.get("ids")
        tile_id = ids[row] if isinstance(ids, list) else None
        yield AnswerTile(value["z"][row], value["x"][row], value["y"][row], named, tile_id)
