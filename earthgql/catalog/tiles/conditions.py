"""Conditions on scenes ``s`` and tiles ``t`` that several statements have."""

from earthgql.imagery.grid import MAX_ZOOM

# A scene's row takes part if it passes this; each parameter may be NULL.
SCENE_CHOSEN = """(CAST(:scene AS text) IS NULL OR {s}.name = :scene)
      AND (CAST(:at AS timestamptz) IS NULL OR {s}.acquired_at IS NULL OR {s}.acquired_at <= :at)
      AND (CAST(:acquired_from AS timestamptz) IS NULL OR {s}.acquired_at >= :acquired_from)
      AND (CAST(:acquired_to AS timestamptz) IS NULL OR {s}.acquired_at < :acquired_to)"""
ZOOM_CHOSEN = "(CAST(:zoom AS int) IS NULL OR {t}.z = :zoom)"

_BOX = "ST_MakeEnvelope(:w{i}, :s{i}, :e{i}, :n{i}, 4326)"
# A scene across the antimeridian is stored with longitudes above 180: hence `beyond`, too.
SCENE_HERE = (
    f"s.footprint && {_BOX} OR s.footprint && "
    "ST_MakeEnvelope(:w{i} + 360, :s{i}, :e{i} + 360, :n{i}, 4326)"
)
CELL_HERE = f"""t.x BETWEEN :x0{{i}} >> ({MAX_ZOOM} - t.z) AND :x1{{i}} >> ({MAX_ZOOM} - t.z)
    AND t.y BETWEEN :y0{{i}} >> ({MAX_ZOOM} - t.z) AND :y1{{i}} >> ({MAX_ZOOM} - t.z)"""
TILE_HERE = f"(t.footprint && {_BOX}\n    AND {CELL_HERE})"

# Of a tile that merely touches the area, or overlaps it by what rounding makes of an edge that both
# have, nothing is left when it shrinks by a tenth of a millimetre.
WITHIN = """t.footprint && ST_GeomFromText(:within, 4326)
   AND ST_Intersects(ST_GeomFromText(:within, 4326), ST_Expand(t.footprint, -1e-9))"""
