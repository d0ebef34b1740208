"""Which part of an area each tile covers, and its size: the base of all sums over areas.

A viewport may show a coarse tile and finer ones within it. A finer tile that is shown is better
than the coarse one (else it would be hidden), so at any place the finest tile shown answers. What
is left to a tile is its own cell, cut to the area, less the cells of the next finer tiles within
it. Areas are geodesic (WGS84), in m²: those of whole tiles are stored with them, those of tiles at
the edge are computed in closed form (Snyder, "Map Projections", equation 3-12), or, along a
polygon, integrated beforehand (``edge_cells``).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from earthgql.catalog.analysis.edge_cells import edge_cells
from earthgql.catalog.analysis.query_area import cell_blocks, outline_wkt
from earthgql.catalog.analysis.work_estimate import WorkEstimate
from earthgql.catalog.sql import Fragment, compose, join
from earthgql.catalog.tiles.areas import Area
from earthgql.catalog.tiles.conditions import Box, ViewConditions
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.one_zoom import CellBlocks, tiles_of_one_zoom
from earthgql.catalog.tiles.visible import all_tiles_in_view
from earthgql.imagery.grid import MAX_ZOOM, WGS84_B_SQUARED, WGS84_E, Bounds

# The width of a cell, in degrees, and the sine of the latitude of its northern edge, which is
# tanh(pi (1 - 2 y / 2^z)).
_WIDTH = "(CAST(360 AS float8) / (1 << p.z))"
_EDGE = "tanh(pi() * (1 - 2 * CAST({y} AS float8) / (1 << p.z)))"
_EDGE_CELLS = """
    LEFT JOIN unnest(CAST({z} AS int[]), CAST({x} AS int[]), CAST({y} AS int[]),
                     CAST({m2} AS float8[])) AS e(z, x, y, m2)
           ON e.z = p.z AND e.x = p.x AND e.y = p.y"""
# A tile that shares area with a polygon, and has none of its edges, lies in it.
_POLYGON_M2 = "COALESCE(e.m2, p.area_m2)"
# The planner takes the tiles of an area for a hundred or so, however many they are, and would then
# look for each among all others one by one. It believes the second half to be as large as is said,
# but there is no row in it, nor is it begun. (It would not share the work among processes if
# `(SELECT false)` was what it waits for.)
_CELLS = """{name} AS {how}(
  SELECT {state} AS state, p.id, p.z, p.x, p.y, {size} AS m2
    FROM {source}
   UNION ALL
  SELECT NULL, CAST(NULL AS bigint), NULL, NULL, NULL, CAST(NULL AS float8)
    FROM generate_series(1, {tiles}) WHERE now() = '-infinity'
)"""
# Each tile takes its cell from the next coarser tile that holds it. The cells that may hold it are
# named first: `a.x = d.x >> (d.z - o.z)` would mention three relations, and be nothing that two can
# be joined by; `OFFSET 0` keeps the planner from putting that back together.
_NESTED = """{name}_zooms AS MATERIALIZED (
  SELECT DISTINCT z FROM {name}_cells
),
{name}_taken AS (
  SELECT state, holder, sum(m2) AS m2
    FROM (SELECT DISTINCT ON (d.state, d.id) d.state, a.id AS holder, d.m2
            FROM (SELECT d.state, d.id, d.m2,
                         o.z, d.x >> (d.z - o.z) AS x, d.y >> (d.z - o.z) AS y
                    FROM {name}_cells d JOIN {name}_zooms o ON o.z < d.z
                  OFFSET 0) d
            JOIN {name}_cells a ON a.state = d.state AND a.z = d.z AND a.x = d.x AND a.y = d.y
           ORDER BY d.state, d.id, a.z DESC) nearest
   GROUP BY state, holder
),
{name} AS MATERIALIZED (
  SELECT c.state, c.id, c.z, c.x, c.y, c.m2 - COALESCE(k.m2, 0) AS m2
    FROM {name}_cells c LEFT JOIN {name}_taken k ON k.state = c.state AND k.holder = c.id
   WHERE {is_left}{is_met}
)"""
_MET = """{name}_met AS MATERIALIZED (
  SELECT {state} AS state, p.id
    FROM {source}
   UNION ALL
  SELECT NULL, NULL FROM generate_series(1, {tiles}) WHERE (SELECT false)
),
"""
_IS_MET = """
     AND (c.state, c.id) IN (SELECT state, id FROM {name}_met)"""
_NO_CONDITIONS: dict[str, Any] = {"classified": None, "all_of": (), "any_of": (), "none_of": ()}


class Spans(NamedTuple):
    """A table of spans of time in a statement, for sums over several at once.

    Attributes:
        table: its name.
        begins: its column of when a span begins; tells them apart.
        ends: its column of when a span ends.
    """

    table: str
    begins: str
    ends: str


def coverage(
    parts: Sequence[Bounds],
    where: TileFilter,
    estimate: WorkEstimate,
    *,
    name: str = "shown",
    spans: Spans | None = None,
) -> Fragment:
    """Return what finds the tiles of an area, each with the area that it covers.

    Args:
        parts: rectangles, apart from each other if ``where.within`` is not what they surround.
        where: the filter; ``where.within`` is the area if it is given.
        estimate: of the same area.
        name: of the expression; parameters and further expressions begin with it.
        spans: of when the tiles were acquired, each for itself.

    Returns:
        Common table expressions, to be put behind ``WITH``. The one of this name gives ``state,
        id, z, x, y, m2``: the beginning of the span (0 without spans), tiles, and the square metres
        of the area that each covers.

    Raises:
        AreaTooLargeError: if a polygon's outline crosses too many edges of tiles.
    """
    wkt = outline_wkt(parts, where.within)
    if wkt is not None:
        # Of a tile that both the rectangles and the polygon meet, nothing need lie in both.
        where = replace(where, within=Area(wkt, tuple(parts)))
    source = _Source(parts, estimate, name, spans, _blocks(wkt, parts, estimate))
    view = source.view(where)
    common: dict[str, Fragment | str] = {
        "state": "0" if spans is None else f"{spans.table}.{spans.begins}",
        "tiles": view.param("tiles", max(estimate.tiles, 1)),
    }
    tiles = source.of(where)
    sized, size = _sizes(view, wkt, estimate)
    if estimate.zooms <= 1:
        return compose(_CELLS, name=name, how="", size=size, source=tiles + sized, **common)
    # What conditions on scores leave out still covers its place.
    every = source.of(replace(where, **_NO_CONDITIONS))
    head, is_met = Fragment(""), ""
    if every != tiles:
        head = compose(_MET, name=name, source=tiles, **common)
        is_met = _IS_MET.format(name=name)
    cells = compose(
        _CELLS, name=f"{name}_cells", how="MATERIALIZED ", size=size, source=every + sized, **common
    )
    left = is_left("c", "k", cut=wkt is not None)
    return head + cells + ",\n" + compose(_NESTED, name=name, is_left=left, is_met=is_met)


def is_left(cell: str, taken: str, *, cut: bool) -> str:
    """Return the condition that a tile covers something when finer ones have taken their part.

    What is less than a billionth of its cell is but rounding; along a polygon, where that of many
    edges adds up, a millionth.

    Args:
        cell: alias of what has ``m2``, all of the tile's cell.
        taken: alias of what has ``m2``, NULL if nothing was taken.
        cut: whether the area is a polygon.
    """
    share = 1e-6 if cut else 1e-9
    return f"({taken}.m2 IS NULL OR {cell}.m2 - {taken}.m2 > {share} * {cell}.m2)"


class _Source(NamedTuple):
    """What finds the tiles ``p`` of an area."""

    parts: Sequence[Bounds]
    estimate: WorkEstimate
    name: str
    spans: Spans | None
    blocks: CellBlocks | None

    def view(self, where: TileFilter) -> ViewConditions:
        prefix, spans = f"{self.name}_", self.spans
        acquired = spans and (f"{spans.table}.{spans.begins}", f"{spans.table}.{spans.ends}")
        return ViewConditions.of(self.parts, where, prefix, acquired)

    def of(self, where: TileFilter) -> Fragment:
        view, zoom, scene = self.view(where), self.estimate.only_zoom, self.estimate.only_scene
        if zoom is None:
            tiles = all_tiles_in_view(view)
        else:
            tiles = tiles_of_one_zoom(view, zoom, scene, self.blocks)
        found = "(" + tiles + ") p"
        return found if self.spans is None else f"{self.spans.table} CROSS JOIN LATERAL " + found


def _blocks(wkt: str | None, parts: Sequence[Bounds], estimate: WorkEstimate) -> CellBlocks | None:
    if wkt is None or estimate.only_zoom is None:
        return None
    return cell_blocks(wkt, parts, estimate.only_zoom)


def _sizes(
    view: ViewConditions, wkt: str | None, estimate: WorkEstimate
) -> tuple[Fragment, Fragment]:
    """What is joined to tiles ``p`` for the size of their part of the area, and that size."""
    if wkt is None:
        return Fragment(""), _boxes_m2(view.boxes)
    zooms = estimate.each_zoom if estimate.only_zoom is None else (estimate.only_zoom,)
    cells = edge_cells(wkt, zooms)
    joined = {name: view.param(f"edge_{name}", column) for name, column in cells._asdict().items()}
    return compose(_EDGE_CELLS, **joined), Fragment(_POLYGON_M2)


def _boxes_m2(boxes: Sequence[Box]) -> Fragment:
    """The size of a tile's part of some rectangles that are apart from each other."""
    if not boxes:
        return Fragment("p.area_m2")
    inner = join(" OR ", map(_is_inner, boxes))
    pieces = join("\n        + ", map(_piece_m2, boxes))
    return compose(
        "CASE WHEN {inner} THEN p.area_m2\n      ELSE {pieces} END", inner=inner, pieces=pieces
    )


def _is_inner(box: Box) -> Fragment:
    # A cell of the grid that is neither the first nor the last of a rectangle lies within it.
    shift = f"({MAX_ZOOM} - p.z)"
    sql = f"""(p.x > {box.x0} >> {shift} AND p.x < {box.x1} >> {shift}
        AND p.y > {box.y0} >> {shift} AND p.y < {box.y1} >> {shift})"""
    return Fragment(sql, box.params)


def _piece_m2(box: Box) -> Fragment:
    width = f"""greatest(least({box.e}, (p.x + 1) * {_WIDTH} - 180)
          - greatest({box.w}, p.x * {_WIDTH} - 180), 0)"""
    north = f"least({_EDGE.format(y='p.y')}, sin(radians({box.n})))"
    south = f"greatest({_EDGE.format(y='(p.y + 1)')}, sin(radians({box.s})))"
    sql = f"""radians({width}) * {WGS84_B_SQUARED / 2!r}
          * greatest({_authalic(north)} - {_authalic(south)}, 0)"""
    return Fragment(sql, box.params)


def _authalic(sine: str) -> str:
    """The area from the equator to a latitude, given its sine: radians of longitude times b²/2."""
    square = f"({WGS84_E!r} * {sine}) ^ 2"
    return f"({sine} / (1 - {square}) + atanh({WGS84_E!r} * {sine}) / {WGS84_E!r})"
