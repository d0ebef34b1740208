"""Which objects of a database Alembic compares with ``tables.py``."""

from typing import Any

QUEUE_PREFIX = "procrastinate_"
LABEL_INDEX_PREFIX = "tile_score_label_"


def include_object(item: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """Return whether Alembic compares an object.

    It leaves out PostGIS's tables, those of procrastinate, which has its own migrations, and the
    indexes that are made for each label when a model is registered.

    Args:
        item: table, index, column and so on.
        name: its name.
        kind: ``table``, ``index``, ``column`` and so on.
        reflected: whether it was found in the database, rather than in ``tables.py``.
        compared: the object it is compared with; None if there is none.
    """
    from geoalchemy2 import alembic_helpers

    if kind == "table" and (name or "").startswith(QUEUE_PREFIX):
        return False
    if kind == "index" and (name or "").startswith(LABEL_INDEX_PREFIX):
        return False
    return bool(alembic_helpers.include_object(item, name, kind, reflected, compared))
