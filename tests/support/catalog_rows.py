"""Rows of scenes, tiles, models and scores, written without any imagery."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from earthgql.catalog.models import ModelRecord, register_model
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex
from earthgql.models.protocol import ModelIdentity

_SCENE = text("""
INSERT INTO scene (name, kind, uri, root, zoom, zooms, acquired_at, footprint, fingerprint)
VALUES (:name, 'pyramid', '/', '/', :zoom, :zooms, :at, ST_MakeEnvelope(:w, :s, :e, :n, 4326), '')
RETURNING id
""")
_TILE = text("""
INSERT INTO tile (scene_id, z, x, y, footprint, area_m2)
VALUES (:scene, :z, :x, :y, ST_MakeEnvelope(:w, :s, :e, :n, 4326), :area) RETURNING id
""")
_SCORES = text("""
INSERT INTO tile_score (tile_id, model_id, scores) VALUES (:tile, :model, CAST(:scores AS real[]))
""")


def add_scene(
    conn: Connection, name: str, tiles: Iterable[TileIndex], acquired_at: datetime | None = None
) -> dict[TileIndex, int]:
    """Add a scene; returns the row ids of its tiles."""
    tiles = list(tiles)
    edges = {tile: grid.tile_bounds(tile) for tile in tiles}
    zooms = sorted({tile.z for tile in tiles})
    box = around(edges.values())
    scene = conn.scalar(
        _SCENE,
        {
            "name": name,
            "zoom": zooms[-1],
            "zooms": zooms,
            "at": acquired_at,
            **dict(zip("wsen", box, strict=True)),
        },
    )
    return {
        tile: conn.execute(
            _TILE,
            {
                "scene": scene,
                **tile._asdict(),
                **dict(zip("wsen", edges[tile], strict=True)),
                "area": grid.area_m2(tile),
            },
        ).scalar_one()
        for tile in tiles
    }


def around(parts: Iterable[Bounds]) -> Bounds:
    """The rectangle around some."""
    west, south, east, north = zip(*parts, strict=True)
    return Bounds(min(west), min(south), max(east), max(north))


def add_model(conn: Connection, name: str, labels: Sequence[str], threshold: float) -> ModelRecord:
    """Register a model whose labels all have one threshold."""
    thresholds = (threshold,) * len(labels)
    identity = ModelIdentity(name, "1", tuple(labels), thresholds, f"hash of {name}")
    return ModelRecord(register_model(conn, identity), identity)


def add_scores(conn: Connection, model: ModelRecord, scores: Mapping[int, Sequence[float]]) -> None:
    """Keep scores of tiles, by row id."""
    rows = [{"tile": tile, "model": model.id, "scores": list(row)} for tile, row in scores.items()]
    if rows:
        conn.execute(_SCORES, rows)


def children(tile: TileIndex, zooms: int = 1) -> list[TileIndex]:
    """The tiles so many zooms further down that a tile is made of."""
    side = 1 << zooms
    return [
        TileIndex(tile.z + zooms, tile.x * side + i, tile.y * side + j)
        for i in range(side)
        for j in range(side)
    ]
