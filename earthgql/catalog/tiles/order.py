"""The order of a list of tiles, a position in it where a page begins, and both in SQL."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from earthgql.catalog.label_indexes import LOWEST_INDEXED
from earthgql.catalog.sql import Fragment, compose
from earthgql.catalog.tiles.conditions import ViewConditions


@dataclass(frozen=True, slots=True)
class TileOrder:
    """The order of a list of tiles; equal keys are ordered by id, in the same direction.

    Attributes:
        by: the id; when the scene was acquired, unknown before all others; or a label's score,
            which leaves out tiles without scores of ``TileFilter.model_id``.
        descending: whether the largest comes first.
        column: place of the label in the model's scores, counted from 1.
    """

    by: Literal["id", "acquired", "label"] = "id"
    descending: bool = False
    column: int | None = None

    def reversed(self) -> "TileOrder":
        """The same order, reversed."""
        return replace(self, descending=not self.descending)


BY_ID = TileOrder()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an ordered list: that of a tile, which may have been deleted.

    Attributes:
        id: of the tile.
        key: what it is ordered by, if not by id: a score, or a time (None: unknown).
    """

    id: int
    key: float | datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderInSql:
    """An order on tiles ``t``, the times ``c.acquired_at`` of their scenes and their scores ``k``.

    Attributes:
        order: the order.
        view: names the parameters.
    """

    order: TileOrder
    view: ViewConditions

    @property
    def key_column(self) -> Fragment:
        """The column ``key`` of the list, with a comma before it; nothing in the order of ids."""
        if self.order.by == "id":
            return Fragment("")
        if self.order.by == "acquired":
            return Fragment(", NULLIF(c.acquired_at, '-infinity') AS key")
        return ", " + self._score + " AS key"

    @property
    def clause(self) -> Fragment:
        """The expressions of ``ORDER BY``."""
        way = " DESC" if self.order.descending else ""
        if self.order.by == "id":
            return Fragment(f"t.id{way}")
        if self.order.by == "acquired":
            return Fragment(f"c.acquired_at{way}, t.id{way}")
        return self._score + f"{way}, k.tile_id{way}"

    @property
    def outer_clause(self) -> str:
        """The same for a statement around the list, which calls it ``p``."""
        # An unknown time counts as before all others.
        way, nulls = (" DESC", "LAST") if self.order.descending else ("", "FIRST")
        return f"p.id{way}" if self.order.by == "id" else f"p.key{way} NULLS {nulls}, p.id{way}"

    def parts(
        self, after: Position | int | None, before: Position | int | None
    ) -> list[list[Fragment]]:
        """The conditions of the parts that a list is read in, one behind the other.

        In a label's order, tiles with scores that its index holds are one part; those with lower
        ones are the other, which is left out where it is known to be empty.

        Args:
            after: only tiles behind this place in the list are wanted.
            before: only tiles before this place are.
        """
        if self.order.by != "label":
            return [[]]
        lowest = f"CAST({LOWEST_INDEXED} AS real)"
        indexed, rest = [self._score + f" >= {lowest}"], [self._score + f" < {lowest}"]
        if self._all_indexed(before if self.order.descending else after):
            return [indexed]
        return [indexed, rest] if self.order.descending else [rest, indexed]

    def _all_indexed(self, least: Position | int | None) -> bool:
        if isinstance(least, Position) and isinstance(least.key, float):
            return least.key >= LOWEST_INDEXED
        return any(
            term.column == self.order.column and term.cutoff >= LOWEST_INDEXED
            for term in self.view.where.all_of
        )

    def behind(self, name: str, place: Position | int) -> Fragment:
        """The condition that a tile is behind a place in the list.

        Args:
            name: of the parameters.
            place: a number is an id.
        """
        return self._compared(name, place, "<" if self.order.descending else ">")

    def before(self, name: str, place: Position | int) -> Fragment:
        """The condition that a tile is before a place in the list; as ``behind``."""
        return self._compared(name, place, ">" if self.order.descending else "<")

    def _compared(self, name: str, place: Position | int, sign: str) -> Fragment:
        if isinstance(place, int):
            place = Position(place)
        place_id = self.view.param(name, place.id)
        if self.order.by == "id":
            return f"t.id {sign} " + place_id
        key = self.view.param(f"{name}_key", place.key)
        if self.order.by == "acquired":
            return compose(
                "(c.acquired_at, t.id) {sign}"
                " (COALESCE(CAST({key} AS timestamptz), '-infinity'), {id})",
                sign=sign,
                key=key,
                id=place_id,
            )
        return compose(
            "({score}, k.tile_id) {sign} (CAST({key} AS real), {id})",
            score=self._score,
            sign=sign,
            key=key,
            id=place_id,
        )

    @property
    def _score(self) -> Fragment:
        return "k.scores[" + self.view.param("order_column", self.order.column) + "]"
