"""Conditions on scenes, tiles and their scores, as fragments on tables of any alias."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from earthgql.catalog.sql import FALSE, TRUE, Fragment, all_of, compose, join
from earthgql.catalog.tiles.filter import LabelTerm, TileFilter
from earthgql.imagery.grid import MAX_ZOOM, Bounds, CellRange, cell_range

WHOLE_GRID = CellRange(0, 0, (1 << MAX_ZOOM) - 1, (1 << MAX_ZOOM) - 1)
_EDGES = ("w", "s", "e", "n", "x0", "y0", "x1", "y1")


class Box(NamedTuple):
    """A rectangle in a statement: the placeholders of its edges, and their values.

    Attributes:
        w: western edge, degrees.
        s: southern edge, degrees.
        e: eastern edge, degrees.
        n: northern edge, degrees.
        x0: first column of its cells at ``MAX_ZOOM``.
        y0: first row of these cells, counted from the north.
        x1: last column.
        y1: last row.
        params: values of the placeholders.
    """

    w: str
    s: str
    e: str
    n: str
    x0: str
    y0: str
    x1: str
    y1: str
    params: dict[str, Any]

    @classmethod
    def of(cls, number: int, bounds: Bounds, cells: CellRange, prefix: str) -> Self:
        """Name the parameters of a rectangle and give them their values."""
        names = [f"{prefix}{edge}{number}" for edge in _EDGES]
        params = dict(zip(names, (*bounds, *cells), strict=True))
        return cls._make([*(f":{name}" for name in names), params])

    def scene(self, s: str) -> Fragment:
        """The condition that the footprint of a scene meets the rectangle."""
        # A scene across the antimeridian is stored with longitudes above 180.
        box = f"ST_MakeEnvelope({self.w}, {self.s}, {self.e}, {self.n}, 4326)"
        beyond = f"ST_MakeEnvelope({self.w} + 360, {self.s}, {self.e} + 360, {self.n}, 4326)"
        sql = f"{s}.footprint && {box} OR {s}.footprint && {beyond}"
        return Fragment(sql, self.params)

    def cell(self, t: str, zoom: str) -> Fragment:
        """The condition that the cell of a tile is among those of the rectangle."""
        shift = f"({MAX_ZOOM} - {zoom})"
        sql = f"""{t}.x BETWEEN {self.x0} >> {shift} AND {self.x1} >> {shift}
    AND {t}.y BETWEEN {self.y0} >> {shift} AND {self.y1} >> {shift}"""
        return Fragment(sql, self.params)

    def tile(self, t: str, zoom: str) -> Fragment:
        """The condition that a tile shares area with the rectangle."""
        box = f"ST_MakeEnvelope({self.w}, {self.s}, {self.e}, {self.n}, 4326)"
        return Fragment(f"({t}.footprint && {box}\n    AND {self.cell(t, zoom).sql})", self.params)


@dataclass(frozen=True, slots=True)
class ViewConditions:
    """The conditions of a viewport and a filter on scenes, tiles and scores.

    Arguments called ``s``, ``t`` and ``k`` are the aliases of scenes, tiles and scores.

    Attributes:
        where: the filter.
        boxes: rectangles of the viewport that have cells.
        everywhere: whether the viewport is the whole grid; it has no boxes then. A viewport without
            boxes is off the grid otherwise, and empty.
        prefix: of the parameters' names, for statements that have several viewports.
        acquired: SQL of moments that take the place of the filter's ``acquired_from`` and
            ``acquired_to``.
    """

    where: TileFilter
    boxes: tuple[Box, ...]
    everywhere: bool = False
    prefix: str = ""
    acquired: tuple[str, str] | None = None

    @classmethod
    def of(
        cls,
        parts: Sequence[Bounds] | None,
        where: TileFilter,
        prefix: str = "",
        acquired: tuple[str, str] | None = None,
    ) -> Self:
        """Prepare the conditions of a viewport.

        Args:
            parts: its rectangles, as ``grid.bounds`` gives them; None: the whole grid.
            where: the filter.
            prefix: of the parameters' names.
            acquired: see above.
        """
        inside = [(part, cells) for part in parts or () if (cells := cell_range(part))]
        if parts is None or any(cells == WHOLE_GRID for _, cells in inside):
            return cls(where, (), True, prefix, acquired)
        boxes = tuple(Box.of(i, *box, prefix) for i, box in enumerate(inside))
        return cls(where, boxes, False, prefix, acquired)

    def param(self, name: str, value: Any) -> Fragment:
        """Return the placeholder of a parameter, with its value."""
        name = f"{self.prefix}{name}"
        return Fragment(f":{name}", {name: value})

    def scene_here(self, s: str) -> Fragment:
        """The condition that a scene may have tiles in the viewport."""
        return self._in_a_box(box.scene(s) for box in self.boxes)

    def cell_here(self, t: str, zoom: str | None = None) -> Fragment:
        """The condition that the cell of a tile is in the viewport.

        Args:
            t: alias of the tiles.
            zoom: placeholder of their zoom, if all are of one.
        """
        return self._in_a_box(box.cell(t, zoom or f"{t}.z") for box in self.boxes)

    def tile_here(self, t: str, zoom: str | None = None) -> Fragment:
        """The condition that a tile shares area with the viewport; as ``cell_here``."""
        return self._in_a_box(box.tile(t, zoom or f"{t}.z") for box in self.boxes)

    def scene_chosen(self, s: str) -> Fragment:
        """The filter's conditions on a scene: its name, and when it was acquired."""
        where = self.where
        conditions: list[Fragment] = []
        if where.scene is not None:
            conditions.append(f"{s}.name = " + self.param("scene", where.scene))
        if where.at is not None:
            at = self.param("at", where.at)
            conditions.append(f"({s}.acquired_at IS NULL OR {s}.acquired_at <= " + at + ")")
        if self.acquired is not None:
            begin, end = self.acquired
            # They never are NULL, but of a plain comparison with a column the planner expects that
            # it leaves hardly any scene, and reads all scenes for each tile.
            conditions.append(
                Fragment(
                    f"({begin} IS NULL OR {s}.acquired_at >= {begin})"
                    f" AND ({end} IS NULL OR {s}.acquired_at < {end})"
                )
            )
            return all_of(conditions)
        if where.acquired_from is not None:
            begins = self.param("acquired_from", where.acquired_from)
            conditions.append(f"{s}.acquired_at >= " + begins)
        if where.acquired_to is not None:
            ends = self.param("acquired_to", where.acquired_to)
            conditions.append(f"{s}.acquired_at < " + ends)
        return all_of(conditions)

    def zoom_chosen(self, t: str) -> Fragment:
        """The condition that a tile, or any row with a column ``z``, is of the filter's zoom."""
        zoom = self.where.zoom
        return TRUE if zoom is None else f"{t}.z = " + self.param("zoom", zoom)

    def touches(self, t: str) -> Fragment:
        """The condition that a tile and the filter's polygon, which it must have, touch."""
        return compose("ST_Intersects({area}, {t}.footprint)", area=self._area(), t=t)

    def within(self, t: str) -> Fragment:
        """The condition that a tile shares area with the filter's polygon, which it must have."""
        # Of a tile that merely touches the area, or overlaps it by what rounding makes of an edge
        # that both have, nothing is left when it shrinks by a tenth of a millimetre.
        return compose(
            """{t}.footprint && {area}
   AND ST_Intersects({area}, ST_Expand({t}.footprint, -1e-9))""",
            area=self._area(),
            t=t,
        )

    def _area(self) -> Fragment:
        assert self.where.within is not None  # noqa: S101 - as said above
        wkt = self.param("within", self.where.within.wkt)
        return compose("ST_GeomFromText({wkt}, 4326)", wkt=wkt)

    @property
    def about_scores(self) -> bool:
        """Whether the filter has conditions on scores, which tables ``k`` must be joined for."""
        where = self.where
        return bool(where.classified or where.all_of or where.any_of or where.none_of)

    def scores(self, t: str, k: str) -> list[Fragment]:
        """The filter's conditions on scores ``k`` of a tile; empty if there are none."""
        where = self.where
        conditions: list[Fragment] = []
        if where.classified is False:
            model = self.param("model", where.model_id)
            none = (
                f"NOT EXISTS (SELECT FROM tile_score n WHERE n.tile_id = {t}.id AND n.model_id = "
            )
            conditions.append(none + model + ")")
        conditions += self._terms("all", where.all_of, k)
        if where.any_of:
            conditions.append("(" + join(" OR ", self._terms("any", where.any_of, k)) + ")")
        if where.none_of:
            conditions.append("NOT (" + join(" OR ", self._terms("none", where.none_of, k)) + ")")
        return conditions

    def _terms(self, kind: str, terms: Sequence[LabelTerm], k: str) -> list[Fragment]:
        # The same as the expressions of the label indexes: see `label_indexes`.
        return [
            compose(
                "{k}.scores[{column}] >= CAST({cutoff} AS real)",
                k=k,
                column=self.param(f"{kind}{i}_column", term.column),
                cutoff=self.param(f"{kind}{i}_cutoff", term.cutoff),
            )
            for i, term in enumerate(terms)
        ]

    def _in_a_box(self, conditions: Iterable[Fragment]) -> Fragment:
        if not self.boxes:
            return TRUE if self.everywhere else FALSE
        return join(" OR ", conditions)
