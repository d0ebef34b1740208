"""Revisions: numbers that grow with each change of tiles or scores below a cell of the grid.

Triggers note every change in ``label_change`` (migration 0006), in the transaction that makes it,
for blocks: the cells of zooms 0, 4, 8, ... 20. A tile of zoom z has its own block, two to five
zooms lower; the change is noted for that and for those around it. Notes are only added, so nobody
who writes waits for another. The revision of a block is the sum of its notes: of two snapshots with
one revision, the block holds the same in both.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from earthgql.catalog.sql import Fragment, compose, execute, join
from earthgql.imagery.grid import TileIndex

STEP = 4
"""Zooms from one block to the next."""

# Further notes of a block are joined to one.
_MOST_NOTES = 100
_REVISION = """
SELECT CAST(COALESCE(sum(added), 0) AS bigint), count(*)
  FROM label_change n
 WHERE ({here}) AND (model_id IS NULL OR model_id = :model)
"""
_IN_RANGE = "{n}.z = {zoom} AND {n}.x BETWEEN {x0} AND {x1} AND {n}.y BETWEEN {y0} AND {y1}"
_REVISIONS = """
SELECT n.x, n.y, CAST(n.added + :basis{sum_above} AS bigint) AS revision
  FROM (SELECT n.x, n.y, sum(n.added) AS added FROM label_change n
         WHERE {in_range} AND (n.model_id IS NULL OR n.model_id = :model)
         GROUP BY n.x, n.y) n{above}
"""
_ABOVE = """
  LEFT JOIN (SELECT n.x, n.y, sum(n.added) AS added FROM label_change n
              WHERE {in_range} AND n.own AND n.model_id IS NULL
              GROUP BY n.x, n.y) {a} ON {a}.x = n.x >> {shift} AND {a}.y = n.y >> {shift}"""
# What another joins is left to it; readers see the old notes or the new one.
_JOIN = """
WITH gone AS (
  DELETE FROM label_change WHERE ctid = ANY(ARRAY(
    SELECT n.ctid FROM label_change n WHERE {in_range} FOR UPDATE SKIP LOCKED))
  RETURNING z, x, y, own, model_id, added
)
INSERT INTO label_change (z, x, y, own, model_id, added)
SELECT z, x, y, own, model_id, sum(added) FROM gone GROUP BY z, x, y, own, model_id
"""


class BlockRange(NamedTuple):
    """Blocks of one zoom, from ``x0, y0`` to ``x1, y1``, both included."""

    zoom: int
    x0: int
    y0: int
    x1: int
    y1: int

    def at(self, zoom: int) -> "BlockRange":
        """The blocks of a higher zoom that lie in these, or of a lower one that hold them."""
        if zoom < self.zoom:
            shift = self.zoom - zoom
            return BlockRange(zoom, *(edge >> shift for edge in self[1:]))
        shift = zoom - self.zoom
        first = [edge << shift for edge in self[1:3]]
        last = [((edge + 1) << shift) - 1 for edge in self[3:]]
        return BlockRange(zoom, *first, *last)

    def holds(self, alias: str) -> Fragment:
        """The condition that a row with ``z, x, y`` is one of them."""
        edges = self._asdict()
        zoom = edges.pop("zoom")
        values = {f"b{zoom}_{edge}": number for edge, number in edges.items()}
        names = {edge: f":b{zoom}_{edge}" for edge in edges}
        return Fragment(_IN_RANGE.format(n=alias, zoom=zoom, **names), values)


def block_zoom(zoom: int) -> int:
    """Return the zoom of the blocks that hold cells of a zoom."""
    return zoom - zoom % STEP


def blocks_in(tile: TileIndex, zoom: int) -> BlockRange:
    """Return the blocks of a zoom in a tile of a lower zoom, or the one that holds it."""
    return BlockRange(tile.z, tile.x, tile.y, tile.x, tile.y).at(zoom)


def revision(conn: Connection, tile: TileIndex, model_id: int) -> int:
    """Return a number that grows with each change of tiles below a map's tile, or around it.

    Args:
        conn: to the database.
        tile: of the map.
        model_id: the model whose scores count as well.
    """
    own_zoom = block_zoom(tile.z)
    places = [blocks_in(tile, zoom).holds("n") for zoom in range(0, own_zoom + 1, STEP)]
    places[:-1] = [place + " AND n.own" for place in places[:-1]]
    statement = compose(_REVISION, {"model": model_id}, here=join(" OR ", places))
    total, notes = execute(conn, statement).one()
    if notes > _MOST_NOTES:
        join_notes(conn, blocks_in(tile, own_zoom))
    return int(total)


def join_notes(conn: Connection, blocks: BlockRange) -> None:
    """Join the notes of each of some blocks to one, which leaves their revisions as they are."""
    execute(conn, compose(_JOIN, in_range=blocks.holds("n")))


def revisions(blocks: BlockRange) -> Fragment:
    """Return what finds the revisions of some blocks, with all that changes what they hold.

    That is: changes in a block, and those of coarser tiles, which may hide what is in it.

    Returns:
        What gives ``x, y, revision``; takes the parameters ``model`` and ``basis``, which is added
        to each.
    """
    coarser = [(f"a{zoom}", zoom) for zoom in range(0, blocks.zoom, STEP)]
    above = [
        compose(_ABOVE, a=a, shift=blocks.zoom - zoom, in_range=blocks.at(zoom).holds("n"))
        for a, zoom in coarser
    ]
    return compose(
        _REVISIONS,
        in_range=blocks.holds("n"),
        sum_above="".join(f" + COALESCE({a}.added, 0)" for a, _ in coarser),
        above=join("", above),
    )


def deepest_block(conn: Connection) -> int | None:
    """Return the highest zoom of blocks that hold tiles; None if there are none."""
    found: Sequence[int | None] = execute(conn, "SELECT max(z) FROM label_change").scalars().all()
    return found[0]
