"""Store made-up scores of tiles, so that tests know what lists of tiles hold."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, text
from support.pixel_classifier import PIXEL_IDENTITY

from earthgql.catalog.models import register_model
from earthgql.models.protocol import ModelIdentity

INSERT = text("INSERT INTO tile_score (tile_id, model_id, scores) VALUES (:tile, :model, :scores)")


def tile_ids(engine: Engine) -> list[int]:
    """The tiles of all scenes, in the order of their ids."""
    with engine.connect() as conn:
        return list(conn.scalars(text("SELECT id FROM tile ORDER BY id")))


def score(
    engine: Engine,
    scores: Mapping[int, Mapping[str, float]],
    identity: ModelIdentity = PIXEL_IDENTITY,
) -> int:
    """Register a model and keep scores of tiles: 0 for labels that are not given."""
    with engine.begin() as conn:
        model = register_model(conn, identity)
        rows = [
            {"tile": tile, "model": model, "scores": _row(identity.labels, given)}
            for tile, given in scores.items()
        ]
        if rows:
            conn.execute(INSERT, rows)
    return model


def _row(labels: Sequence[str], given: Mapping[str, float]) -> list[float]:
    return [given.get(label, 0.0) for label in labels]
