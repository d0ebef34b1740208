"""Models whose scores are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, and_, or_, select, text

from earthgql.catalog.reals import as_real
from earthgql.classifiers.protocol import ModelIdentity
from earthgql.database.tables import Model
from earthgql.errors import ModelUnavailableError

_MODEL = select(Model.id, Model.name, Model.version, Model.labels, Model.thresholds, Model.sha256)
_INSERT = text("""
INSERT INTO model (name, version, labels, thresholds, sha256)
VALUES (:name, :version, :labels, :thresholds, :sha256) ON CONFLICT DO NOTHING
""")
_UPDATE = text(
    "UPDATE model SET name = :name, version = :version, thresholds = :thresholds WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A registered model."""

    id: int
    identity: ModelIdentity


def register_model(conn: Connection, identity: ModelIdentity) -> int:
    """Return the id of a model, registering it if it is new.

    A model is its hash: one known under another name, version or thresholds takes the new ones and
    keeps its scores.

    Raises:
        ModelUnavailableError: if its name and version are those of a model with another hash.
    """
    known = _known(conn, identity)
    if known is None:
        conn.execute(_INSERT, _row(identity))
        # Another process may have been faster; then this finds what it wrote.
        known = _known(conn, identity)
        assert known is not None  # noqa: S101 - either inserted or in the way
    if known.identity != _as_stored(identity):
        conn.execute(_UPDATE, {**_row(identity), "id": known.id})
    return known.id


def list_models(
    conn: Connection, *, limit: int = 1000, after: int | None = None
) -> list[ModelRecord]:
    """Return up to ``limit`` models with ids above ``after``, by id."""
    rows = conn.execute(
        _MODEL.where(Model.id > (after if after is not None else -1))
        .order_by(Model.id)
        .limit(limit)
    )
    return [_record(row) for row in rows]


def models_by_ids(conn: Connection, ids: Sequence[int]) -> dict[int, ModelRecord]:
    """Return the models with these ids; unknown ids are left out."""
    rows = conn.execute(_MODEL.where(Model.id.in_(ids)))
    return {row.id: _record(row) for row in rows}


def _known(conn: Connection, identity: ModelIdentity) -> ModelRecord | None:
    """The row of this model; none if there is none alike."""
    same_name = and_(Model.name == identity.name, Model.version == identity.version)
    alike = _MODEL.where(or_(Model.sha256 == identity.sha256, same_name))
    rows = [_record(row) for row in conn.execute(alike)]
    for other in rows:
        if other.identity.sha256 != identity.sha256:
            raise ModelUnavailableError(
                f"model {identity.name} {identity.version} has the hash {identity.sha256[:12]}…,"
                f" but the database knows that name and version with"
                f" {other.identity.sha256[:12]}…: give the changed model another version, so that"
                " its scores are not mixed with the old ones"
            )
    return rows[0] if rows else None


def _row(identity: ModelIdentity) -> dict[str, object]:
    return {
        "name": identity.name,
        "version": identity.version,
        "labels": list(identity.labels),
        "thresholds": list(identity.thresholds),
        "sha256": identity.sha256,
    }


def _as_stored(identity: ModelIdentity) -> ModelIdentity:
    """The identity as it comes back from columns of type ``real``."""
    return ModelIdentity(
        identity.name,
        identity.version,
        identity.labels,
        as_real(identity.thresholds),
        identity.sha256,
    )


def _record(row: Row[int, str, str, list[str], list[float], str]) -> ModelRecord:
    row_id, name, version, labels, thresholds, sha256 = row
    identity = ModelIdentity(name, version, tuple(labels), tuple(thresholds), sha256)
    return ModelRecord(row_id, identity)
