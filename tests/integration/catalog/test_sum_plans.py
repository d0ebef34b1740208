"""How PostgreSQL goes about sums over an area, of one zoom and of several."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, text
from support.catalog_rows import add_model
from support.statement_plans import compares_pairs, joins_by, plans, steps

from earthgql.catalog.analysis.changes import label_changes
from earthgql.catalog.analysis.histogram import label_histogram
from earthgql.catalog.analysis.timeline import Interval, label_timeline
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.areas import parse_area
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex

WORLD = grid.bounds(-180, -90, 180, 90)
LABELS = ("forest", "water")
CUTOFFS = (0.5, 0.5)
BEGIN, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
FILL = """
WITH s AS (
  INSERT INTO scene (name, kind, uri, root, zoom, zooms, acquired_at, footprint, fingerprint)
  VALUES (:name, 'pyramid', '/', '/', :z, ARRAY[CAST(:z AS smallint)], :at,
          ST_MakeEnvelope(:w, :s, :e, :n, 4326), '') RETURNING id)
INSERT INTO tile (scene_id, z, x, y, footprint, area_m2)
SELECT s.id, :z, x, y,
       ST_Transform(ST_TileEnvelope(:z, CAST(x AS int), CAST(y AS int)), 4326), 4.0 ^ (16 - :z)
  FROM s, generate_series(:x0, :x1) AS x, generate_series(:y0, :y1) AS y
"""
SCORES = """
INSERT INTO tile_score (tile_id, model_id, scores)
SELECT id, :model, ARRAY[z / 20.0, 0.1]::real[] FROM tile
"""


def fill(conn: Connection, name: str, corner: TileIndex, side: int, at: datetime) -> None:
    first = grid.tile_bounds(corner)
    last = grid.tile_bounds(TileIndex(corner.z, corner.x + side - 1, corner.y + side - 1))
    cells = {"x0": corner.x, "x1": corner.x + side - 1, "y0": corner.y, "y1": corner.y + side - 1}
    box = {"w": first.west, "s": last.south, "e": last.east, "n": first.north}
    conn.execute(text(FILL), {"name": name, "z": corner.z, "at": at, **cells, **box})


@pytest.fixture(scope="module")
def model(module_engine: Engine) -> ModelRecord:
    """A model; 10,000 tiles, a few hundred coarser ones beside them, some over them; all known."""
    with module_engine.begin() as conn:
        model = add_model(conn, "plans", LABELS, 0.5)
        fill(conn, "fine", TileIndex(16, 32000, 24000), 100, END)
        fill(conn, "over", TileIndex(14, 8000, 6000), 10, BEGIN)
        fill(conn, "beside", TileIndex(13, 5000, 3000), 15, BEGIN)
        conn.execute(text(SCORES), {"model": model.id})
        conn.execute(text("ANALYZE"))
    return model


def test_cells_of_several_zooms_are_joined_by_where_they_are(
    module_engine: Engine, model: ModelRecord
) -> None:
    some = TileFilter(none_of=(LabelTerm(2, 0.5),), model_id=model.id)
    change = {"column": 1, "cutoff": 0.75, "begin": BEGIN, "end": END, "first": 5}
    with module_engine.connect() as conn:
        with plans(conn) as found:
            histogram = label_histogram(conn, WORLD, TileFilter(), model, CUTOFFS)
            filtered = label_histogram(conn, WORLD, some, model, CUTOFFS)
            timeline = label_timeline(
                conn, WORLD, TileFilter(), model, CUTOFFS, interval=Interval.YEAR
            )
            changes = label_changes(conn, WORLD, TileFilter(), model, **change)
        conn.rollback()
    # Of the coarse tiles over the fine ones nothing is left.
    assert histogram.sums.tiles == filtered.sums.tiles == 100**2 + 15**2
    assert [period.sums.tiles for period in timeline.periods] == [10**2 + 15**2, 100**2]
    assert (changes.appeared.tiles, changes.vanished.tiles, changes.kept.tiles) == (40**2, 0, 0)
    assert changes.appeared.area_m2 == changes.compared_m2 - 15**2 * 4**3 == 40**2
    nested = [plan for plan in found if "_cells" in plan]
    assert len(nested) == 4
    for plan in nested:
        assert not any(compares_pairs(plan, part) for part in (".x >> (", ".x = ")), plan
        assert joins_by(plan, ("x", "y", "z")), plan


def test_sums_over_one_zoom_are_shared_among_processes(
    module_engine: Engine, model: ModelRecord
) -> None:
    corner, last = (grid.tile_bounds(TileIndex(16, 32000 + i, 24000 + i)) for i in (0, 99))
    part = [grid.Bounds(corner.west, last.south, last.east, corner.north)]
    west, south, east, north = part[0]
    ring = [[west, south], [east, south], [east, north], [west, south]]
    triangle = parse_area({"type": "Polygon", "coordinates": [ring]})
    within = TileFilter(zoom=16, within=triangle)
    alone = TileFilter(zoom=16)
    with module_engine.connect() as conn:
        fill(conn, "later", TileIndex(16, 32000, 24000), 100, END + timedelta(days=1))
        conn.execute(text(SCORES + "WHERE z = 16 ON CONFLICT DO NOTHING"), {"model": model.id})
        conn.execute(text("ANALYZE"))
        for name in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
            conn.execute(text(f"SET LOCAL {name} = 0"))
        with plans(conn) as found:
            first = label_histogram(conn, part, replace(alone, scene="fine"), model, CUTOFFS)
            both = label_histogram(conn, part, alone, model, CUTOFFS)
            half = label_histogram(conn, triangle.parts, within, model, CUTOFFS)
            timeline = label_timeline(conn, part, alone, model, CUTOFFS, interval=Interval.DAY)
        conn.rollback()
    assert first.sums.tiles == both.sums.tiles == first.sums.labels[0].tiles == 100**2
    assert 100**2 / 2 < half.sums.tiles < 100**2 / 2 + 2 * 100
    assert [period.sums.tiles for period in timeline.periods] == [100**2] * 2
    sums = [plan for plan in found if "tile_score" in plan]
    assert len(sums) == 4
    for plan in sums:
        assert any(step.get("Partial Mode") == "Partial" for step in steps(json.loads(plan))), plan
    for plan in sums[1:3]:
        assert joins_by(plan, ("x", "y")), plan
