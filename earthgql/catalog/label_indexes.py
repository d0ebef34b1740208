"""Indexes over the scores of each label, which lists by label and in their order start from.

One for each place in ``tile_score.scores``, made when the first model with so many labels is
registered, whatever their names. All models share them: the model is their first column, so a
further model of no more labels costs no index, and one that is deleted leaves none behind. They
hold the tile as well, so that a page goes on right behind the last one's score and tile.

They leave out scores below ``LOWEST_INDEXED``, which are most: those of labels that a tile does not
have. Lower cutoffs are looked up without an index, and a list in a label's order is made of two
parts, see ``visible``.

They depend on the models there are, so ``tables.py`` does not know them, and comparing it with a
database leaves them out: see ``database.autogenerate``.
"""

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from earthgql.catalog.sql import Fragment, compose, execute
from earthgql.database.autogenerate import LABEL_INDEX_PREFIX

# Labels from here on are looked up without: each index makes storing a tile's scores dearer.
MOST_COLUMNS = 64

LOWEST_INDEXED = 0.02
"""Scores from here on are in the indexes: the lowest threshold that tuning gives a label."""

# The expression is that of `conditions`. The statistics are there because PostgreSQL uses none of
# partial indexes, and would take every label for one that a third of the tiles have. Concurrent
# registrations wait for each other. One statement, since in a server each is a transaction.
_CREATE = """
DO $$ BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('earthgql label indexes'));
  CREATE INDEX IF NOT EXISTS {prefix}{column}_idx ON tile_score
         (model_id, (scores[{column}]), tile_id) WHERE scores[{column}] >= CAST({lowest} AS real);
  CREATE STATISTICS IF NOT EXISTS {prefix}{column}_stats ON (scores[{column}]) FROM tile_score;
END $$
"""
_KNOWN = """
SELECT relname FROM pg_class
 WHERE relkind = 'i' AND relname LIKE 'tile\\_score\\_label\\_%'
   AND oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'tile_score'::regclass)
"""


def make_label_indexes(conn: Connection, labels: int) -> None:
    """Make the indexes for models of so many labels, those of them that are missing.

    Takes one statement if none is; else nobody can store scores while an index is made.

    Args:
        conn: in a transaction that has written nothing yet but new rows: one that has changed the
            row of a model and those who store its scores would wait for each other.
        labels: how many the model has; those beyond ``MOST_COLUMNS`` get none.
    """
    missing = _missing(conn, range(1, min(labels, MOST_COLUMNS) + 1))
    if not missing:
        return
    try:
        # Serving gives statements less time than this takes where there are very many scores.
        execute(conn, "SET statement_timeout = 0")
        for column in missing:
            execute(conn, _create_index(column))
        # Plans depend on how the scores are spread, which is looked at for the new ones here.
        execute(conn, "ANALYZE tile_score")
        execute(conn, "RESET statement_timeout")
    except SQLAlchemyError:
        conn.invalidate()
        raise


def _create_index(column: int) -> Fragment:
    return compose(_CREATE, prefix=LABEL_INDEX_PREFIX, column=column, lowest=str(LOWEST_INDEXED))


def _missing(conn: Connection, wanted: range) -> list[int]:
    known = set(execute(conn, _KNOWN).scalars())
    return [column for column in wanted if f"{LABEL_INDEX_PREFIX}{column}_idx" not in known]
