"""Scores kept per tile and model, all of them, before any cutoff; as PostgreSQL's ``real``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection

from earthgql.catalog.sql import execute
from earthgql.imagery.grid import TileIndex
from earthgql.imagery.source import TileSource

# What only a tile without scores needs is not transported for the others.
_FIND = """
SELECT t.id, k.scores, k.computed_at, k.domain_distance,
       CASE WHEN k.tile_id IS NULL THEN s.kind END, CASE WHEN k.tile_id IS NULL THEN s.uri END,
       CASE WHEN k.tile_id IS NULL THEN s.root END, CASE WHEN k.tile_id IS NULL THEN t.path END,
       t.z, t.x, t.y, CASE WHEN k.tile_id IS NULL THEN s.rendering END,
       CASE WHEN k.tile_id IS NULL THEN COALESCE(t.fingerprint, s.fingerprint) END
  FROM tile t
  JOIN scene s ON s.id = t.scene_id
  -- Never all scores of the model, whatever the planner knows of them.
  LEFT JOIN LATERAL (
    SELECT * FROM tile_score WHERE tile_id = t.id AND model_id = :model LIMIT 1) k ON true
 WHERE t.id = ANY(:ids)
"""

_STORED = """
SELECT tile_id, scores, computed_at, domain_distance
  FROM tile_score WHERE model_id = :model AND tile_id = ANY(:ids)
"""

# A tile that was deleted or replaced since its pixels were read gets no scores, nor does one that
# is being deleted: waiting for that may take as long as an ingest, and be a deadlock, for deletions
# lock tiles in any order. The lock keeps a tile until the end of the transaction. Sorted, since two
# requests that insert the same tiles in different orders would wait for each other.
_INSERT = """
INSERT INTO tile_score (tile_id, model_id, scores, computed_at, domain_distance)
SELECT t.id, :model, CAST(fresh.scores AS real[]), fresh.computed_at, fresh.domain_distance
  FROM unnest(CAST(:ids AS bigint[]), CAST(:scores AS text[]), CAST(:fingerprints AS text[]),
              CAST(:computed_at AS timestamptz[]), CAST(:distances AS real[]))
       AS fresh(id, scores, fingerprint, computed_at, domain_distance)
  JOIN tile t ON t.id = fresh.id
  JOIN scene s ON s.id = t.scene_id
 WHERE COALESCE(t.fingerprint, s.fingerprint) IS NOT DISTINCT FROM fresh.fingerprint
 ORDER BY t.id
   FOR KEY SHARE OF t SKIP LOCKED
    ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """All scores of a tile by one model.

    Attributes:
        tile_id: the tile.
        scores: one per label of the model, in their order, 0 to 1.
        computed_at: when the model was run, with a time zone.
        domain_distance: how far the tile is from what the model was trained on: above 1, it is
            unlike that; None: not known.
    """

    tile_id: int
    scores: tuple[float, ...]
    computed_at: datetime
    domain_distance: float | None = None


@dataclass(frozen=True, slots=True)
class FoundScores:
    """Scores of some tiles, and the sources of the others; unknown ids are in neither.

    Attributes:
        stored: scores kept, by tile id.
        sources: where the pixels of the other tiles come from, by tile id.
    """

    stored: dict[int, ScoreRecord]
    sources: dict[int, TileSource]


def find_scores(conn: Connection, tile_ids: Sequence[int], model_id: int) -> FoundScores:
    """Return the scores kept of some tiles and the sources of the rest, in one statement."""
    found = FoundScores({}, {})
    for row in execute(conn, _FIND, ids=list(tile_ids), model=model_id).all():
        tile_id, scores, computed_at, distance, *source = row
        if scores is not None:
            found.stored[tile_id] = ScoreRecord(tile_id, tuple(scores), computed_at, distance)
        else:
            kind, uri, root, path, z, x, y, rendering, fingerprint = source
            found.sources[tile_id] = TileSource(
                kind, uri, root, path, TileIndex(z, x, y), rendering, fingerprint
            )
    return found


def stored_scores(
    conn: Connection, tile_ids: Sequence[int], model_id: int
) -> dict[int, ScoreRecord]:
    """Return the scores kept of some tiles, in one statement; others are left out."""
    found = execute(conn, _STORED, ids=list(tile_ids), model=model_id).all()
    return {
        tile_id: ScoreRecord(tile_id, tuple(scores), computed_at, distance)
        for tile_id, scores, computed_at, distance in found
    }


def insert_scores(
    conn: Connection,
    model_id: int,
    records: Sequence[ScoreRecord],
    sources: Mapping[int, TileSource],
) -> None:
    """Keep fresh scores, in one statement; those already there stay.

    Args:
        conn: in a transaction of its own, since it locks the tiles.
        model_id: the model that made them.
        records: fresh scores.
        sources: what their pixels were read from; tiles changed since then get no scores, nor do
            those that are being deleted.
    """
    if not records:
        return
    values = {
        "model": model_id,
        "computed_at": [record.computed_at for record in records],
        "distances": [record.domain_distance for record in records],
        "ids": [record.tile_id for record in records],
        "scores": [f"{{{','.join(map(repr, record.scores))}}}" for record in records],
        "fingerprints": [sources[record.tile_id].fingerprint for record in records],
    }
    execute(conn, _INSERT, **values)


def as_real(values: Iterable[float]) -> tuple[float, ...]:
    """Round to float32 and take its shortest decimal, as scores come back from the database.

    So an answer is the same before and after it was stored.
    """
    return tuple(float(str(np.float32(value))) for value in values)


def as_real_or_none(value: float | None) -> float | None:
    """Round a single value as ``as_real`` does."""
    return None if value is None else as_real([value])[0]


def real_cutoff(cutoff: float) -> float:
    """Return the lowest score, as ``as_real`` gives it, that is not below a cutoff.

    A ``real`` compared with it in SQL gives what the score read gives, compared with ``cutoff``.
    """
    nearest = np.float32(cutoff)
    if float(str(nearest)) < cutoff:
        nearest = np.nextafter(nearest, np.float32(np.inf))
    return float(str(nearest))
