"""Draws the tiles of an answer: as letters and colours in a terminal, or into a picture."""

import base64
import binascii
import io
import re
import string
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.text import Text

from earthgql.cli.query.answer_tables import cell as printable
from earthgql.errors import BadInputError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Canvas = npt.NDArray[np.int32]
"""``int32 [height, width]``: numbers of tiles, -1 where there is none; rows from the north."""

# Tableau's twenty, which matplotlib has as tab20, strong ones first.
# fmt: off
_COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
    "#aec7e8", "#ffbb78", "#98df8a", "#ff9896", "#c5b0d5",
    "#c49c94", "#f7b6d2", "#c7c7c7", "#dbdb8d", "#9edae5",
)
# fmt: on
_NOTHING = "#30343a"
_UNLABELLED = "no label"
_LARGEST = 1024
_TILE = 256
_MOST_PICTURES = 1024
_LEGEND_ROW = 22
_LEGEND_COLUMN = 200
_WIDEST = 100
_HIGHEST = 40
_IMAGE = re.compile(r"/tiles/(\d+)\.png")


@dataclass(frozen=True, slots=True)
class Cell:
    """A tile of an answer.

    Attributes:
        z: zoom level.
        x: column of the grid.
        y: row of the grid, from the north.
        labels: what it shows, highest score first.
        tile_id: number of the tile, if it is told.
    """

    z: int
    x: int
    y: int
    labels: tuple[str, ...]
    tile_id: int | None


def print_map(data: Any, out: Console) -> None:
    """Print the tiles of an answer: each a letter of its own colour, and what they stand for.

    Raises:
        BadInputError: if the answer has no tiles.
    """
    cells = _cells(data)
    most = (min(out.width, _WIDEST) // 2, _HIGHEST)
    canvas = _canvas(cells, most, largest_tile=1)
    shown, legend = _legend(cells)
    letters = dict(zip(legend, cycle(string.ascii_uppercase), strict=False))
    for row in canvas:
        line = Text()
        for number in row:
            label = shown[number] if number >= 0 else None
            style = f"white on {legend[label]}" if label else ""
            line.append(letters[label] * 2 if label else "  ", style=style)
        out.print(line)
    counts = Counter(shown)
    for label, colour in legend.items():
        name = Text(f" {letters[label]} ", style=f"white on {colour}")
        out.print(name, Text(f"{printable(label)}  {counts[label]}"))


def draw_map(data: Any, pixels: Callable[[int], bytes | None]) -> "Picture":
    """Draw the tiles of an answer with a frame in the colour of a label, and what it stands for.

    Args:
        data: of the answer.
        pixels: gives the encoded picture of a tile by its number, None if there is none; asked for
            tiles whose number the answer tells, unless they are very many.

    Raises:
        BadInputError: if the answer has no tiles.
    """
    from PIL import Image, ImageDraw

    cells = _cells(data)
    shown, legend = _legend(cells)
    canvas = _canvas(cells, (_LARGEST, _LARGEST), largest_tile=_TILE)
    colours = np.array([_rgb(legend[label]) for label in shown] + [_rgb(_NOTHING)], np.uint8)
    height, width = canvas.shape
    across = max(1, width // _LEGEND_COLUMN)
    rows = -(-len(legend) // across)
    size = (max(width, _LEGEND_COLUMN), height + _LEGEND_ROW * rows)
    picture = Image.new("RGB", size, _NOTHING)
    picture.paste(Image.fromarray(colours[canvas]), (0, 0))
    if len(cells) <= _MOST_PICTURES:
        for number, cell in enumerate(cells):
            encoded = pixels(cell.tile_id) if cell.tile_id is not None else None
            if encoded is not None:
                _paste(picture, encoded, canvas == number)
    counts, draw = Counter(shown), ImageDraw.Draw(picture)
    for number, (label, colour) in enumerate(legend.items()):
        left = number % across * _LEGEND_COLUMN
        top = height + number // across * _LEGEND_ROW
        draw.rectangle((left + 6, top + 5, left + 18, top + 17), fill=colour)
        draw.text((left + 26, top + 5), f"{printable(label)}  {counts[label]}", fill="white")
    return picture


def _cells(data: Any) -> list[Cell]:
    found = {(cell.z, cell.x, cell.y): cell for cell in _walk(data, ())}
    if not found:
        raise BadInputError(
            "the answer has no tiles to draw: ask for z, x and y (or quadkey) of tiles, "
            "with classification { labels }"
        )
    # Smaller tiles lie on top of larger ones.
    return sorted(found.values(), key=lambda cell: (cell.z, cell.y, cell.x))


def _walk(value: Any, labels: tuple[str, ...]) -> Iterator[Cell]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, labels)
    elif isinstance(value, Mapping):
        labels = _labels(value) or labels
        place = _place(value)
        if place is not None:
            yield Cell(*place, labels, _tile_id(value))
        elif _has_columns(value):
            yield from _columns(value)
        for inner in value.values():
            yield from _walk(inner, labels)


def _labels(value: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of a classification, or of a tile with one."""
    told = value.get("classification") if "classification" in value else value
    if not isinstance(told, Mapping):
        return ()
    named = told.get("labels")
    if not isinstance(named, list):
        scores = told.get("scores")
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


def _columns(value: Mapping[str, Any]) -> Iterator[Cell]:
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
        yield Cell(value["z"][row], value["x"][row], value["y"][row], named, tile_id)


def _legend(cells: list[Cell]) -> tuple[list[str], dict[str, str]]:
    """Return the label each tile is drawn in, and the colour of each such label.

    It is that of a tile's labels which the fewest tiles have: most are clear and show forest.
    """
    counts = Counter(label for cell in cells for label in cell.labels)
    shown = [
        min(cell.labels, key=lambda label: (counts[label], label), default=_UNLABELLED)
        for cell in cells
    ]
    ranked = [label for label, _ in Counter(shown).most_common() if label != _UNLABELLED]
    legend = dict(zip(ranked, cycle(_COLOURS), strict=False))
    return shown, legend | ({_UNLABELLED: "#555555"} if _UNLABELLED in shown else {})


def _canvas(cells: list[Cell], most: tuple[int, int], *, largest_tile: int) -> Canvas:
    """Place tiles side by side as on the map.

    Args:
        cells: the tiles, those on top last.
        most: width and height.
        largest_tile: side of the smallest tiles at most.
    """
    zoom = max(cell.z for cell in cells)
    sides = np.array([1 << (zoom - cell.z) for cell in cells])
    left = np.array([cell.x for cell in cells]) * sides
    top = np.array([cell.y for cell in cells]) * sides
    if left.max() - left.min() > 1 << max(zoom - 1, 0):
        # Tiles on both sides of the antimeridian are neighbours.
        left = np.where(left < 1 << max(zoom - 1, 0), left + (1 << zoom), left)
    left, top = left - left.min(), top - top.min()
    width, height = int((left + sides).max()), int((top + sides).max())
    scale = min(largest_tile, most[0] / width, most[1] / height)
    canvas = np.full((_at_least_1(height * scale), _at_least_1(width * scale)), -1, np.int32)
    for number, (x, y, side) in enumerate(zip(left, top, sides, strict=True)):
        x0, y0 = int(x * scale), int(y * scale)
        x1, y1 = int((x + side) * scale), int((y + side) * scale)
        canvas[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = number
    return canvas


def _at_least_1(length: float) -> int:
    return max(1, int(length))


def _paste(picture: "Picture", encoded: bytes, where: npt.NDArray[np.bool_]) -> None:
    """Lay a tile's picture over its place, leaving a frame."""
    from PIL import Image

    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    if not rows.size:
        return
    width, height = int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)
    frame = max(1, min(width, height) // 24)
    if min(width, height) <= 4 * frame:
        return
    with Image.open(io.BytesIO(encoded)) as tile:
        small = tile.convert("RGB").resize((width - 2 * frame, height - 2 * frame))
    picture.paste(small, (int(columns[0]) + frame, int(rows[0]) + frame))


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
