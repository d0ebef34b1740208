"""What chooses and orders tiles, validated: the terms of ``views.tiles_in_view``."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from earthgql.catalog.tiles.areas import Area, parse_area
from earthgql.errors import BadInputError
from earthgql.imagery.grid import WORLD, Bounds


class LabelMinimum(Protocol):
    """A label, and the score from which it counts (none: the model's threshold of the label)."""

    @property
    def label(self) -> str: ...  # noqa: D102

    @property
    def min_score(self) -> float | None: ...  # noqa: D102


class LabelTerms(Protocol):
    """Which labels a tile must have: all of some, any of some, none of some."""

    @property
    def all(self) -> Sequence[LabelMinimum] | None: ...  # noqa: D102

    @property
    def any(self) -> Sequence[LabelMinimum] | None: ...  # noqa: D102

    @property
    def none(self) -> Sequence[LabelMinimum] | None: ...  # noqa: D102


class Span(Protocol):
    """A span of time, from its beginning up to but without its end; times have a zone."""

    @property
    def from_(self) -> datetime | None: ...  # noqa: D102

    @property
    def to(self) -> datetime | None: ...  # noqa: D102


class Conditions(Protocol):
    """Conditions on tiles as clients give them, in JSON or in GraphQL; see ``filter.Where``."""

    @property
    def labels(self) -> LabelTerms | None: ...  # noqa: D102

    @property
    def scene(self) -> str | None: ...  # noqa: D102

    @property
    def zoom(self) -> int | None: ...  # noqa: D102

    @property
    def acquired(self) -> Span | None: ...  # noqa: D102

    @property
    def classified(self) -> bool | None: ...  # noqa: D102

    @property
    def within(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True, slots=True, order=True)
class LabelTerm:
    """A label that counts from some score on.

    Attributes:
        column: place of the label in the model's scores, counted from 1.
        min_score: the least score that counts, 0 to 1.
    """

    column: int
    min_score: float


@dataclass(frozen=True, slots=True)
class TileFilter:
    """Which tiles may answer; nothing given lets every tile through.

    The first five choose among overlapping tiles, so another may come to light; of the tiles that
    are then seen, the others keep those that meet them all.

    Attributes:
        scene: only those of the scene of this name.
        zoom: only those of this zoom.
        at: leaves out scenes acquired after this moment; those of unknown date stay.
        acquired_from: only scenes known to be acquired at this moment or later.
        acquired_to: only scenes known to be acquired before this moment.
        within: only those that share area with it.
        classified: only those with scores of the model (True), or without (False).
        all_of: only those with scores of the model that meet all of these.
        any_of: only those with scores of the model that meet one of these, if there are any.
        none_of: only those with scores of the model that meet none of these.
        model_id: the model; needed by the last four and to order by a label.
    """

    scene: str | None = None
    zoom: int | None = None
    at: datetime | None = None
    acquired_from: datetime | None = None
    acquired_to: datetime | None = None
    within: Area | None = None
    classified: bool | None = None
    all_of: tuple[LabelTerm, ...] = ()
    any_of: tuple[LabelTerm, ...] = ()
    none_of: tuple[LabelTerm, ...] = ()
    model_id: int | None = None

    def choice(self) -> dict[str, Any]:
        """The parameters of ``SCENE_CHOSEN`` and ``ZOOM_CHOSEN``."""
        return {
            "scene": self.scene,
            "zoom": self.zoom,
            "at": self.at,
            "acquired_from": self.acquired_from,
            "acquired_to": self.acquired_to,
        }


def confined(
    where: TileFilter, bounds: Sequence[Bounds] | None, polygon: object | None
) -> tuple[tuple[Bounds, ...], TileFilter]:
    """Return where to look, and what for, of tiles in an area that may be given in three ways.

    Args:
        where: which tiles may answer; its ``within`` is an area, and may go with ``bounds``.
        bounds: a rectangle as ``grid.bounds`` gives it; or
        polygon: GeoJSON or an area, as ``parse_area`` takes it.

    Returns:
        Rectangles that hold the area, the whole map if none is given; and the filter with it.

    Raises:
        BadInputError: if a polygon is given besides another area, or is none.
    """
    if polygon is None:
        everywhere = WORLD if where.within is None else where.within.parts
        return (everywhere if bounds is None else tuple(bounds)), where
    if bounds is not None or where.within is not None:
        raise BadInputError("give one area: bounds, polygon or where.within (or bounds and within)")
    area = parse_area(polygon)
    return area.parts, replace(where, within=area)


@dataclass(frozen=True, slots=True)
class TileOrder:
    """The order of a list of tiles; among equals, that of their ids, the same way round.

    Attributes:
        by: the id; when the scene was acquired, unknown before all others; or a label's score,
            which leaves out tiles without scores of ``TileFilter.model_id``.
        descending: from the largest down.
        column: place of the label in the model's scores, counted from 1.
    """

    by: Literal["id", "acquired", "label"] = "id"
    descending: bool = False
    column: int | None = None


BY_ID = TileOrder()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an ordered list: that of a tile, there or not.

    Attributes:
        id: of the tile.
        key: what it is ordered by, if not by id: a score, or a time (None: unknown).
    """

    id: int
    key: float | datetime | None = None
