"""Which piece of ground each tile answers for, and its size: what sums over an area rest on.

A viewport may show a coarse tile and finer ones within it. A finer tile that is shown is better
than the coarse one (else it would be hidden), so at any place the finest tile shown answers. What
is left to a tile is its own cell, cut to the area asked for, less the cells of the next finer tiles
within it. Areas are geodesic: those of whole tiles are kept with them, those of tiles at the edge
are computed in closed form (Snyder, "Map Projections", equation 3-12), or, along a polygon, in an
equal-area projection.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from earthgql.catalog.analysis.query_area import blocks, outline_wkt
from earthgql.catalog.analysis.work_estimate import WorkEstimate
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.catalog.tiles.visible import tiles_in_view
from earthgql.imagery.grid import MAX_ZOOM, WGS84_B_SQUARED, WGS84_E, Bounds

_CELL = "(CAST(360 AS float8) / (1 << p.z))"
# A cell of the grid that is neither the first nor the last of a rectangle lies within it.
_INNER = f"""(p.x > :x0{{i}} >> ({MAX_ZOOM} - p.z) AND p.x < :x1{{i}} >> ({MAX_ZOOM} - p.z)
        AND p.y > :y0{{i}} >> ({MAX_ZOOM} - p.z) AND p.y < :y1{{i}} >> ({MAX_ZOOM} - p.z))"""
_WIDTH = f"""greatest(least(:e{{i}}, (p.x + 1) * {_CELL} - 180)
          - greatest(:w{{i}}, p.x * {_CELL} - 180), 0)"""


def _authalic(sine: str) -> str:
    """The area from the equator to a latitude, given its sine: radians of longitude times b²/2."""
    square = f"({WGS84_E!r} * {sine}) ^ 2"
    return f"({sine} / (1 - {square}) + atanh({WGS84_E!r} * {sine}) / {WGS84_E!r})"


# The sine of a cell's northern edge is tanh(pi (1 - 2 y / 2^z)).
_EDGE = "tanh(pi() * (1 - 2 * CAST({y} AS float8) / (1 << p.z)))"
_NORTH = f"least({_EDGE.format(y='p.y')}, sin(radians(:n{{i}})))"
_SOUTH = f"greatest({_EDGE.format(y='(p.y + 1)')}, sin(radians(:s{{i}})))"
_PIECE = f"""radians({_WIDTH}) * {WGS84_B_SQUARED / 2!r}
          * greatest({_authalic(_NORTH)} - {_authalic(_SOUTH)}, 0)"""

# EPSG:6933 is a cylindrical equal-area projection of WGS84: meridians and parallels stay straight
# in it, and slanting edges nearly so over an eighth of a tile.
_CLIP = "ST_GeomFromText(:{name}_clip, 4326)"
_LEFT = f"""ST_Area(ST_Transform(ST_Segmentize(
             ST_Intersection({{part}}, p.footprint), {_CELL} / 8), 6933))"""
_CUT = f"""CASE WHEN {{known}}ST_Covers({_CLIP}, p.footprint) THEN p.area_m2
      ELSE {{left}} END"""
# Of an outline of many corners each tile is cut from those parts that it meets. These are kept
# aside, which one process alone can read.
_MOST_CORNERS = 64
_LEFT_OF_PARTS = f"""COALESCE((SELECT sum({_LEFT.format(part="q.geom")})
              FROM {{name}}_parts q WHERE q.geom && p.footprint), 0)"""  # noqa: S608 - only the constants above are put in
_PARTS = f"""{{name}}_parts AS MATERIALIZED (
  SELECT ST_Subdivide({_CLIP}, {_MOST_CORNERS}) AS geom
),
"""
# The planner takes the tiles of an area for a hundred or so, however many they are, and would then
# look for each among all others one by one. It believes the second half to be as large as is said,
# but there is no row in it, nor is it begun. (It would not share the work among processes if
# `(SELECT false)` was what it waits for.)
_CELLS = """{name}{kind} AS {how}(
  SELECT {state} AS state, p.id, p.z, p.x, p.y, {size} AS m2
    FROM {source}
   UNION ALL
  SELECT NULL, CAST(NULL AS bigint), NULL, NULL, NULL, CAST(NULL AS float8)
    FROM generate_series(1, :{name}_tiles) WHERE now() = '-infinity'
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
   WHERE {left}{kept}
)"""
_MET = """{name}_met AS MATERIALIZED (
  SELECT {state} AS state, p.id
    FROM {source}
   UNION ALL
  SELECT NULL, NULL FROM generate_series(1, :{name}_tiles) WHERE (SELECT false)
),
"""
_KEPT = """
     AND (c.state, c.id) IN (SELECT state, id FROM {name}_met)"""


@dataclass(frozen=True, slots=True)
class Ground:
    """Common table expressions, and their parameters.

    The one called as asked gives ``state, id, z, x, y, m2``: tiles, and how many square metres of
    the area asked for each answers for.

    Attributes:
        sql: to be put behind ``WITH``.
        parameters: for it.
    """

    sql: str
    parameters: Mapping[str, Any]


def coverage(
    parts: Sequence[Bounds],
    where: TileFilter,
    estimate: WorkEstimate,
    *,
    name: str = "shown",
    states: tuple[str, str, Mapping[str, str]] | None = None,
) -> Ground:
    """Return what finds the tiles of an area, each with its ground.

    Args:
        parts: rectangles, apart from each other if ``where.within`` is not what they surround.
        where: which tiles may answer; ``where.within`` is the area if it is given.
        estimate: of the same area.
        name: of the expression; parameters and further expressions begin with it.
        states: for sums at several times at once: a table, its column that tells the times apart,
            and parameters of ``tiles_in_view`` that columns of it take the place of.
    """
    source, parameters = _source(parts, where, name, states, estimate)
    state = "0" if states is None else states[1]
    wkt = outline_wkt(parts, where.within)
    boxes = sum(f"{name}_w{i}" in parameters for i in range(len(parts)))
    if wkt is not None:
        size, head = _cut(wkt, name, known=estimate.only_zoom is not None)
        # Of a tile that both the rectangles and the polygon meet, nothing need lie in both.
        clipped: dict[str, Any] = {f"{name}_clip": wkt, f"{name}_within": wkt}
        if estimate.only_zoom is not None:
            told = blocks(wkt, parts, estimate.only_zoom)
            clipped |= {f"{name}_{key}": value for key, value in told.items()}
    else:
        size, head, clipped = _renamed(_rectangles(boxes), name, {}), "", {}
    parameters |= {f"{name}_tiles": max(estimate.tiles, 1)} | clipped
    texts = {"name": name, "state": state, "size": size}
    if estimate.zooms <= 1:
        return Ground(head + _CELLS.format(kind="", how="", source=source, **texts), parameters)
    # What conditions on scores leave out still answers for its ground.
    every, more = _source(parts, replace(where, **_NO_CONDITIONS), name, states, estimate)
    if every == source:
        kept = ""
    else:
        head += _MET.format(name=name, state=state, source=source)
        kept = _KEPT.format(name=name)
    cells = _CELLS.format(kind="_cells", how="MATERIALIZED ", source=every, **texts)
    nested = _NESTED.format(name=name, kept=kept, left=is_left("c", "k", cut=wkt is not None))
    return Ground(f"{head}{cells},\n{nested}", more | parameters)


def is_left(cell: str, taken: str, *, cut: bool) -> str:
    """Return the condition that a tile has ground of its own when finer ones have taken theirs.

    What is less than a billionth of it is but rounding; along a polygon, whose slanting edges are
    not measured as exactly, a millionth.

    Args:
        cell: alias of what has ``m2``, all ground of the tile.
        taken: alias of what has ``m2``, NULL if nothing was taken.
        cut: whether the area is a polygon.
    """
    share = 1e-6 if cut else 1e-9
    return f"({taken}.m2 IS NULL OR {cell}.m2 - {taken}.m2 > {share} * {cell}.m2)"


_NO_CONDITIONS: dict[str, Any] = {"classified": None, "all_of": (), "any_of": (), "none_of": ()}


def _source(
    parts: Sequence[Bounds],
    where: TileFilter,
    name: str,
    states: tuple[str, str, Mapping[str, str]] | None,
    estimate: WorkEstimate,
) -> tuple[str, dict[str, Any]]:
    table, _, columns = states or ("", "", {})
    view = tiles_in_view(
        parts,
        where,
        limit=None,
        order=None,
        only_zoom=estimate.only_zoom,
        only_scene=estimate.only_scene,
    )
    parameters = {f"{name}_{key}": value for key, value in view.parameters.items()}
    sql = f"({_renamed(view.sql, name, columns)}) p"
    return (f"{table} CROSS JOIN LATERAL {sql}" if table else sql), parameters


_PARAMETER = re.compile(r"(?<![:\w]):([a-z]\w*)")


def _renamed(sql: str, name: str, columns: Mapping[str, str]) -> str:
    """Give parameters a prefix, so that a statement may hold several areas; or put columns."""

    def new(found: re.Match[str]) -> str:
        old = found[1]
        return columns.get(old) or (f":{name}_{old}")

    return _PARAMETER.sub(new, sql)


def _cut(wkt: str, name: str, *, known: bool) -> tuple[str, str]:
    """The size of a tile's piece of an outline, and the expression it needs, if any."""
    if wkt.count(",") <= _MOST_CORNERS:
        left, parts = _LEFT.format(part=_CLIP.format(name=name)), ""
    else:
        left, parts = _LEFT_OF_PARTS.format(name=name), _PARTS.format(name=name)
    return _CUT.format(name=name, known="p.covered OR " if known else "", left=left), parts


@lru_cache(maxsize=16)
def _rectangles(count: int) -> str:
    """The size of a tile's piece of some rectangles that are apart from each other."""
    if not count:
        return "p.area_m2"
    inner = " OR ".join(_INNER.format(i=i) for i in range(count))
    pieces = "\n        + ".join(_PIECE.format(i=i) for i in range(count))
    return f"CASE WHEN {inner} THEN p.area_m2\n      ELSE {pieces} END"
