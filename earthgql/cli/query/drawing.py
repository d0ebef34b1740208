"""Draw the tiles of an answer as a map: as letters in a terminal, or as a picture."""

import io
import string
from collections import Counter
from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.text import Text

from earthgql.cli.query.tables import cell_text
from earthgql.cli.query.tiles import AnswerTile, tiles_of

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Canvas = npt.NDArray[np.int32]
"""``int32 [height, width]``: index of the tile at each pixel, -1 for none; north first."""

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


def print_map(data: Any, out: Console) -> None:
    """Print the tiles of an answer as coloured letters, one for each label, and a legend.

    Raises:
        BadInputError: if the answer has no tiles.
    """
    tiles = tiles_of(data)
    most = (min(out.width, _WIDEST) // 2, _HIGHEST)
    canvas = _canvas(tiles, most, largest_tile=1)
    shown, legend = _legend(tiles)
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
        out.print(name, Text(f"{cell_text(label)}  {counts[label]}"))


def draw_map(data: Any, pixels: Callable[[int], bytes | None]) -> "Picture":
    """Draw the tiles of an answer, each framed in the colour of one of its labels, and a legend.

    Args:
        data: of the answer.
        pixels: returns the encoded image of a tile by its row id, None if there is none; called
            for tiles whose id is in the answer, unless there are more than 1,024 tiles.

    Raises:
        BadInputError: if the answer has no tiles.
    """
    from PIL import Image, ImageDraw

    tiles = tiles_of(data)
    shown, legend = _legend(tiles)
    canvas = _canvas(tiles, (_LARGEST, _LARGEST), largest_tile=_TILE)
    colours = np.array([_rgb(legend[label]) for label in shown] + [_rgb(_NOTHING)], np.uint8)
    height, width = canvas.shape
    across = max(1, width // _LEGEND_COLUMN)
    rows = -(-len(legend) // across)
    size = (max(width, _LEGEND_COLUMN), height + _LEGEND_ROW * rows)
    picture = Image.new("RGB", size, _NOTHING)
    picture.paste(Image.fromarray(colours[canvas]), (0, 0))
    if len(tiles) <= _MOST_PICTURES:
        for number, tile in enumerate(tiles):
            encoded = pixels(tile.tile_id) if tile.tile_id is not None else None
            if encoded is not None:
                _paste(picture, encoded, canvas == number)
    counts, draw = Counter(shown), ImageDraw.Draw(picture)
    for number, (label, colour) in enumerate(legend.items()):
        left = number % across * _LEGEND_COLUMN
        top = height + number // across * _LEGEND_ROW
        draw.rectangle((left + 6, top + 5, left + 18, top + 17), fill=colour)
        draw.text((left + 26, top + 5), f"{cell_text(label)}  {counts[label]}", fill="white")
    return picture


def _legend(tiles: list[AnswerTile]) -> tuple[list[str], dict[str, str]]:
    """Return the label that colours each tile, and the colour of each such label.

    A tile is coloured by its rarest label: most tiles are clear and show forest.
    """
    counts = Counter(label for tile in tiles for label in tile.labels)
    shown = [
        min(tile.labels, key=lambda label: (counts[label], label), default=_UNLABELLED)
        for tile in tiles
    ]
    ranked = [label for label, _ in Counter(shown).most_common() if label != _UNLABELLED]
    legend = dict(zip(ranked, cycle(_COLOURS), strict=False))
    return shown, legend | ({_UNLABELLED: "#555555"} if _UNLABELLED in shown else {})


def _canvas(tiles: list[AnswerTile], most: tuple[int, int], *, largest_tile: int) -> Canvas:
    """Draw the indices of tiles into an array, side by side as on the map.

    Args:
        tiles: later ones are drawn over earlier ones.
        most: largest width and height of the array.
        largest_tile: largest side of a tile of the highest zoom, in elements of the array.
    """
    zoom = max(tile.z for tile in tiles)
    sides = np.array([1 << (zoom - tile.z) for tile in tiles])
    left = np.array([tile.x for tile in tiles]) * sides
    top = np.array([tile.y for tile in tiles]) * sides
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
    """Draw a tile's image over its pixels, leaving a frame."""
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
