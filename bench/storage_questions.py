"""What a layout of scores is asked: lists by label, sums, tiles of a map, viewports."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection

from bench.scratch import ORIGIN, ZOOM, window
from bench.storage_layouts import LABELS, Layout, each, put
from earthgql.imagery.grid import Bounds

RARE, COMMON = len(LABELS), 6
BUCKETS = [round(0.05 * step, 2) for step in range(1, 20)]
ABOVE = 5  # zooms from a tile of a map down to its 32 by 32 tiles

Ask = Callable[[], object]

_LIST = """
SELECT t.id, t.z, t.x, t.y FROM {tiles} t JOIN {table} k ON k.tile_id = t.id AND k.model_id = 1
 WHERE {condition} ORDER BY {order} LIMIT 500
"""
_SUMS = """
WITH scored AS (
  SELECT m2{scores} FROM (
    SELECT t.area_m2 AS m2, {whole} AS scores
      FROM {tiles} t JOIN {table} k ON k.tile_id = t.id AND k.model_id = 1
     WHERE {here} OFFSET '0') k OFFSET '0')
SELECT {sums} FROM scored
"""
_MAP = """
SELECT ST_AsMVT(f, 'tiles', 4096, 'g') FROM (
  SELECT t.id{buckets}, ST_AsMVTGeom(ST_Transform(t.footprint, 3857), b.box) AS g
    FROM (SELECT ST_TileEnvelope({z}, {x}, {y}) AS box) b, {tiles} t
    JOIN {table} k ON k.tile_id = t.id AND k.model_id = 1
   WHERE {here}) f
"""
_VIEWPORT = """
SELECT array_agg(id), array_agg(x), array_agg(y), string_agg(scores, '') FROM (
  SELECT t.id, t.x, t.y, k.scores FROM {tiles} t
    LEFT JOIN LATERAL (SELECT {sent} AS scores FROM {table} k
                        WHERE k.tile_id = t.id AND k.model_id = 1 LIMIT 1) k ON true
   WHERE {here} ORDER BY t.id) q
"""


def run(conn: Connection, sql: str) -> Any:
    return conn.exec_driver_sql(sql.replace("%", "%%"))


class Questions:
    """What is asked of a layout; if it is about a place, of another one each time.

    Args:
        conn: to the database.
        layout: what is asked.
        side: of the square of tiles.
    """

    def __init__(self, conn: Connection, layout: Layout, side: int) -> None:
        self._conn, self._layout, self._side = conn, layout, side

    def all(self, least: float) -> dict[str, Ask]:
        """The questions by name.

        Args:
            least: a cutoff that 500 tiles reach, of a rare label.
        """
        has = self._layout.has
        return {
            "500 tiles have a label": self._list(has(RARE, least)),
            "first 500 of 1 %": self._list(has(RARE, 0.5)),
            "first 500 of a half": self._list(has(COMMON, 0.5)),
            "first 500 from 0.01, below all thresholds": self._list(has(RARE, 0.01)),
            "highest 500 of a rare label": self._highest(RARE),
            "highest 500 of a common label": self._highest(COMMON),
            "lowest 500 of a rare label": self._list("true", self._layout.sorted(RARE, "ASC")),
            "histogram of 10^5 tiles": self._at(_SUMS, 316, 316, places=3),
            "tile of a map, 1,024 tiles": self._at(_MAP, 1 << ABOVE, 1 << ABOVE),
            "viewport of 2,000 tiles in columns": self._at(_VIEWPORT, 50, 40),
        }

    def _list(self, condition: str, order: str = "t.id") -> Ask:
        layout = self._layout
        sql = _LIST.format(tiles=layout.tiles, table=layout.table, condition=condition, order=order)
        return lambda: run(self._conn, sql).all()

    def _highest(self, label: int) -> Ask:
        # A list begins with the scores that indexes hold; here they are more than 500.
        lowest = self._layout.lowest
        held = "true" if lowest is None else self._layout.has(label, lowest)
        return self._list(held, self._layout.sorted(label, "DESC"))

    def _at(self, sql: str, columns: int, rows: int, places: int = 20) -> Ask:
        turn = itertools.cycle(list(self._statements(sql, columns, rows, places)))
        return lambda: run(self._conn, next(turn)).all()

    def _statements(self, sql: str, columns: int, rows: int, places: int) -> Iterator[str]:
        layout = self._layout
        # Away from the last tiles, whose scores are stored later; whole tiles of the map above.
        most = (self._side * 3 // 4 - max(columns, rows)) >> ABOVE
        chosen = np.random.default_rng(1).integers(0, most, (places, 2)).tolist()
        for across, down in chosen:
            x = (across << ABOVE) + -ORIGIN.x % (1 << ABOVE)
            y = (down << ABOVE) + -ORIGIN.y % (1 << ABOVE)
            yield sql.format(
                tiles=layout.tiles,
                table=layout.table,
                whole=layout.whole,
                sent=layout.sent,
                here=_here(window(x, y, columns, rows)),
                scores="".join(f", {put(layout.score, k)} AS s{k}" for k in LABELS),
                sums=each(_sums(layout.cutoff(0.5))),
                buckets=self._buckets(),
                z=ZOOM - ABOVE,
                x=(ORIGIN.x + x) >> ABOVE,
                y=(ORIGIN.y + y) >> ABOVE,
            )

    def _buckets(self) -> str:
        layout = self._layout
        bounds = ", ".join(map(layout.cutoff, BUCKETS))
        each_one = (f"width_bucket({put(layout.score, k)}, ARRAY[{bounds}])" for k in LABELS)
        return "".join(f", {bucket} AS s{k}" for k, bucket in enumerate(each_one, start=1))


def _here(at: Bounds) -> str:
    return f"t.footprint && ST_MakeEnvelope({at.west}, {at.south}, {at.east}, {at.north}, 4326)"


def _sums(cutoff: str) -> str:
    of = f"(m2, CAST(s{{k}} AS float8)) FILTER (WHERE s{{k}} >= {cutoff})"
    return f"regr_count{of}, regr_avgy{of}, regr_avgx{of}"
