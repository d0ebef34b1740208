"""GeoJSON: a FeatureCollection (RFC 7946), a feature a line."""

import json
from collections.abc import Iterable, Iterator, Sequence

from earthgql.catalog.tiles.export import ExportRow
from earthgql.exports.columns import Columns
from earthgql.imagery import grid


def write(columns: Columns, chunks: Iterable[Sequence[ExportRow]]) -> Iterator[bytes]:
    """Yield the file piece by piece; what is not all of it is no JSON."""
    yield b'{"type":"FeatureCollection","features":['
    between = "\n"
    for rows in chunks:
        yield (between + ",\n".join(_feature(columns, row) for row in rows)).encode()
        between = ",\n"
    yield b"\n]}\n"


def _feature(columns: Columns, row: ExportRow) -> str:
    feature = {
        "type": "Feature",
        "id": row.id,
        "geometry": {"type": "Polygon", "coordinates": [grid.footprint(row.index)]},
        "properties": columns.of(row),
    }
    return json.dumps(feature, ensure_ascii=False, separators=(",", ":"))
