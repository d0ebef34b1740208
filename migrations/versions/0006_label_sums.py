"""Sums of scores over cells, for label tiles at low zooms, and a log of what changed beneath them.

`docs/map.md` says how they are kept; `earthgql.catalog.label_tiles` reads and writes them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, DOUBLE_PRECISION

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# A change is noted for the block that a tile is counted in, its own, and for those around that.
# They are added to, never updated: nobody who writes tiles or scores waits for another. The amounts
# are random so that a database made anew does not come to the same revisions.
NOTE = """
  INSERT INTO label_change (z, x, y, own, model_id, added)
  WITH place AS (
    SELECT DISTINCT t.model_id, b.z, t.x >> (t.z - b.z) AS x, t.y >> (t.z - b.z) AS y
      FROM ({tiles}) t CROSS JOIN LATERAL (SELECT GREATEST(0, (t.z - 2) / 4 * 4) AS z) b
  )
  SELECT z, x, y, true, model_id, CAST(1 + random() * 2000000000 AS bigint) FROM place
   UNION ALL
  SELECT z, x, y, false, model_id, CAST(1 + random() * 2000000000 AS bigint)
    FROM (SELECT DISTINCT a.z, p.x >> (p.z - a.z) AS x, p.y >> (p.z - a.z) AS y, p.model_id
            FROM place p CROSS JOIN LATERAL generate_series(0, p.z - 4, 4) AS a(z)) around
"""
TILES = "SELECT z, x, y, CAST(NULL AS int) AS model_id FROM {changed}"
# Each tile is looked up by its id, whatever the planner knows of the changed scores.
SCORES = """SELECT t.z, t.x, t.y, k.model_id
        FROM changed k
       CROSS JOIN LATERAL (SELECT z, x, y FROM tile WHERE id = k.tile_id LIMIT 1) t"""
FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
{note};
  RETURN NULL;
END $$
"""
FUNCTIONS = {
    "note_tile_changes": TILES.format(changed="changed"),
    "note_score_changes": SCORES,
    "note_scene_change": TILES.format(changed="tile") + " WHERE scene_id = NEW.id",
}
# Scores that go with their tile need no note, nor do those that go with their model.
TRIGGERS = (
    "CREATE TRIGGER note_tiles_added AFTER INSERT ON tile REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION note_tile_changes()",
    "CREATE TRIGGER note_tiles_deleted AFTER DELETE ON tile REFERENCING OLD TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION note_tile_changes()",
    "CREATE TRIGGER note_scores_added AFTER INSERT ON tile_score REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION note_score_changes()",
    "CREATE TRIGGER note_scores_changed AFTER UPDATE ON tile_score REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION note_score_changes()",
    "CREATE TRIGGER note_scores_deleted AFTER DELETE ON tile_score REFERENCING OLD TABLE AS changed"
    " FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION note_score_changes()",
    # While a scene is ingested for the first time, the notes of its tiles are enough.
    "CREATE TRIGGER note_scene_dated AFTER UPDATE OF acquired_at ON scene FOR EACH ROW"
    " WHEN (OLD.acquired_at IS DISTINCT FROM NEW.acquired_at"
    " AND (OLD.zoom > 0 OR OLD.zooms <> '{}'))"
    " EXECUTE FUNCTION note_scene_change()",
)


def upgrade() -> None:
    op.create_table(
        "label_change",
        sa.Column("z", sa.SmallInteger, nullable=False),
        sa.Column("x", sa.Integer, nullable=False),
        sa.Column("y", sa.Integer, nullable=False),
        sa.Column("own", sa.Boolean, nullable=False),
        sa.Column("model_id", sa.Integer, sa.ForeignKey("model.id", ondelete="CASCADE")),
        sa.Column("added", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "label_sum",
        sa.Column(
            "model_id", sa.Integer, sa.ForeignKey("model.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("z", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("x", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("y", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tiles", sa.Integer, nullable=False),
        sa.Column("classified", sa.Integer, nullable=False),
        sa.Column("sums", ARRAY(DOUBLE_PRECISION), nullable=False),
        sa.Column("over", ARRAY(sa.Integer), nullable=False),
        sa.Column("revision", sa.BigInteger),
    )
    # Tiles that there are already.
    op.execute(NOTE.format(tiles=TILES.format(changed="tile")))
    op.create_index("label_change_place_idx", "label_change", ["z", "x", "y", "own"])
    for name, tiles in FUNCTIONS.items():
        op.execute(FUNCTION.format(name=name, note=NOTE.format(tiles=tiles)))
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    for trigger in TRIGGERS:
        name, table = trigger.split()[2], trigger.partition(" ON ")[2].split()[0]
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("label_sum")
    op.drop_table("label_change")
