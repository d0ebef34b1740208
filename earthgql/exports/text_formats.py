"""The text formats of exports: GeoJSON and CSV, as chunks of UTF-8."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from earthgql.catalog.tiles.export import ExportRow
from earthgql.exports.fields import ExportFields
from earthgql.imagery import grid

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_LABEL_SEPARATOR = ";"


def write_geojson(fields: ExportFields, chunks: Iterable[Sequence[ExportRow]]) -> Iterator[bytes]:
    """Yield a FeatureCollection (RFC 7946), one feature a line; a truncated file is no JSON."""
    yield b'{"type":"FeatureCollection","features":['
    separator = "\n"
    for rows in chunks:
        yield (separator + ",\n".join(_feature(fields, row) for row in rows)).encode()
        separator = ",\n"
    yield b"\n]}\n"


def _feature(fields: ExportFields, row: ExportRow) -> str:
    feature = {
        "type": "Feature",
        "id": row.id,
        "geometry": {"type": "Polygon", "coordinates": [grid.footprint(row.index)]},
        "properties": fields.values(row),
    }
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":"))


def write_csv(fields: ExportFields, chunks: Iterable[Sequence[ExportRow]]) -> Iterator[bytes]:
    """Yield CSV (RFC 4180) with a header line; footprints as well-known text.

    Text that a spreadsheet would take for a formula is prefixed with an apostrophe: names of
    scenes and labels come from anybody, and the file is opened by somebody else.
    """
    yield _csv_lines([_header(fields)])
    for rows in chunks:
        yield _csv_lines([_cells(fields, row) for row in rows])


def _header(fields: ExportFields) -> list[str]:
    fixed = ["id", "scene", "acquired_at", "z", "x", "y", "quadkey", "area_km2", "model"]
    geometry = ["west", "south", "east", "north", "wkt"]
    return [*fixed, "classified_at", "labels", *fields.scores, "domain_distance", *geometry]


def _cells(fields: ExportFields, row: ExportRow) -> list[Any]:
    values = fields.values(row)
    values["labels"] = _LABEL_SEPARATOR.join(values["labels"] or ())
    cells = [_escape_formula(v) if isinstance(v, str) else v for v in values.values()]
    ring = ",".join(f"{lon!r} {lat!r}" for lon, lat in grid.footprint(row.index))
    return [*cells, *grid.tile_bounds(row.index), f"POLYGON(({ring}))"]


def _escape_formula(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue().encode()
