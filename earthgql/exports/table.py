"""CSV (RFC 4180) in UTF-8 with a line of names; geometries as well-known text.

Text that a spreadsheet would take for a formula begins with an apostrophe here: names of scenes and
labels are anybody's, and a file that was exported is opened by somebody else.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from earthgql.catalog.tiles.export import ExportRow
from earthgql.exports.columns import Columns
from earthgql.imagery import grid

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_BETWEEN_LABELS = ";"


def write(columns: Columns, chunks: Iterable[Sequence[ExportRow]]) -> Iterator[bytes]:
    """Yield the file piece by piece."""
    names = _names(columns)
    yield _lines([names])
    for rows in chunks:
        yield _lines([_cells(columns, row) for row in rows])


def _names(columns: Columns) -> list[str]:
    fixed = ["id", "scene", "acquired_at", "z", "x", "y", "quadkey", "area_km2", "model"]
    places = ["west", "south", "east", "north", "wkt"]
    return [*fixed, "classified_at", "labels", *columns.scores, *places]


def _cells(columns: Columns, row: ExportRow) -> list[Any]:
    told = columns.of(row)
    told["labels"] = _BETWEEN_LABELS.join(told["labels"] or ())
    cells = [_harmless(value) if isinstance(value, str) else value for value in told.values()]
    ring = ",".join(f"{lon!r} {lat!r}" for lon, lat in grid.footprint(row.index))
    return [*cells, *grid.tile_bounds(row.index), f"POLYGON(({ring}))"]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()
