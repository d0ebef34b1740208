"""What of a database Alembic compares with ``tables.py``, and what it leaves alone."""

from typing import Any

QUEUE_PREFIX = "procrastinate_"
LABEL_INDEX_PREFIX = "tile_score_label_"


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """Tell whether Alembic is to look at a thing.

    Left alone are PostGIS's own tables, those of the queue, which has migrations of its own, and
    the indexes that are made per label when a model is registered.

    Args:
        item: table, index, column and so on.
        name: of it.
        kind: ``table``, ``index``, ``column`` and so on.
        reflected: whether it was found in the database, rather than in ``tables.py``.
        compared: its counterpart, if there is one.
    """
    from geoalchemy2 import alembic_helpers

    if kind == "table" and (name or "").startswith(QUEUE_PREFIX):
        return False
    if kind == "index" and (name or "").startswith(LABEL_INDEX_PREFIX):
        return False
    return bool(alembic_helpers.include_object(item, name, kind, reflected, compared))
