"""Models that were used with this database, by their identity."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from earthgql.catalog.label_indexes import make_label_indexes
from earthgql.catalog.scores import as_real
from earthgql.catalog.sql import execute, page_by_id
from earthgql.errors import BadInputError, ModelUnavailableError, NotFoundError, shortened
from earthgql.models.protocol import ModelIdentity

_MODELS = "SELECT id, name, version, labels, thresholds, sha256 FROM model"
_BY_IDS = f"{_MODELS} WHERE id = ANY(:ids)"
_ALIKE = f"{_MODELS} WHERE sha256 = :sha256 OR name = :name AND version = :version"
_COUNT = "SELECT count(*) FROM model"
_INSERT = """
INSERT INTO model (name, version, labels, thresholds, sha256)
VALUES (:name, :version, :labels, :thresholds, :sha256) ON CONFLICT DO NOTHING
"""
_UPDATE = (
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
    keeps its scores. Indexes are made for its labels if no model before had so many.

    Raises:
        ModelUnavailableError: if its name and version are those of a model with another hash.
    """
    known = _known(conn, identity)
    if known is None:
        execute(conn, _INSERT, **_row(identity))
        # Another process may have registered it meanwhile; then this finds its row.
        known = _known(conn, identity)
        assert known is not None  # noqa: S101 - either inserted or in the way
    make_label_indexes(conn, len(identity.labels))
    if known.identity != _as_stored(identity):
        execute(conn, _UPDATE, **_row(identity), id=known.id)
    return known.id


def list_models(
    conn: Connection,
    *,
    limit: int | None = None,
    after: int | None = None,
    before: int | None = None,
    backward: bool = False,
) -> list[ModelRecord]:
    """Return models in the order of their ids.

    Args:
        conn: to the database.
        limit: at most so many; None for all.
        after: only ids above this one.
        before: only ids below this one.
        backward: keep to the newest rather than to the oldest.
    """
    page = page_by_id(limit=limit, after=after, before=before, backward=backward)
    found = [_record(row) for row in execute(conn, _MODELS + page).all()]
    return found[::-1] if backward else found


def count_models(conn: Connection) -> int:
    """Return how many models there are."""
    return int(execute(conn, _COUNT).scalar_one())


def model_named(conn: Connection, name: str) -> ModelRecord:
    """Return the model of a name.

    Args:
        conn: to the database.
        name: name and version with a space between, or either alone if that is just one model's.

    Raises:
        NotFoundError: if there is none; the message names the nearest.
        BadInputError: if there are several.
    """
    models = list_models(conn)
    for called in (_full_name, _version, _name):
        found = [model for model in models if called(model) == name]
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(sorted(repr(_full_name(model)) for model in found))
            raise BadInputError(f"{shortened(name)} could be any of {several}: name one of them")
    near = difflib.get_close_matches(name[:80], map(_full_name, models), 1, cutoff=0.0)
    hint = f"; the nearest is {near[0]!r}" if near else "; none was used here so far"
    raise NotFoundError(f"there is no model {shortened(name)}{hint}")


def _full_name(model: ModelRecord) -> str:
    return f"{model.identity.name} {model.identity.version}"


def _version(model: ModelRecord) -> str:
    return model.identity.version


def _name(model: ModelRecord) -> str:
    return model.identity.name


def label_column(identity: ModelIdentity, label: str) -> int:
    """Return the place of a label in a model's scores, counted from 1.

    Raises:
        BadInputError: if the model has no such label; the message names the nearest.
    """
    try:
        return identity.labels.index(label) + 1
    except ValueError:
        raise BadInputError(_unknown_label(identity, label)) from None


def _unknown_label(identity: ModelIdentity, label: str) -> str:
    named = f"model {identity.name} {identity.version} has no label {label[:60]!r}"
    folded = {known.casefold(): known for known in identity.labels}
    near = difflib.get_close_matches(label[:60].casefold(), folded, 1, cutoff=0.0)
    return f"{named}; the nearest is {folded[near[0]]!r}" if near else named


def models_by_ids(conn: Connection, ids: Sequence[int]) -> dict[int, ModelRecord]:
    """Return the models with these ids; unknown ids are left out."""
    rows = execute(conn, _BY_IDS, ids=list(ids)).all()
    return {row.id: _record(row) for row in rows}


def _known(conn: Connection, identity: ModelIdentity) -> ModelRecord | None:
    """Return the row of this model; None if there is none with equal values."""
    alike = {"sha256": identity.sha256, "name": identity.name, "version": identity.version}
    rows = [_record(row) for row in execute(conn, _ALIKE, **alike).all()]
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


def _record(row: Row[*tuple[Any, ...]]) -> ModelRecord:
    row_id, name, version, labels, thresholds, sha256 = row
    identity = ModelIdentity(name, version, tuple(labels), tuple(thresholds), sha256)
    return ModelRecord(row_id, identity)
