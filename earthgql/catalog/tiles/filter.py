"""``TileFilter``: conditions on tiles, validated from those of a client.

``TileFilter`` is the one form of a filter that statements are made from. Clients write it as
GraphQL's ``where`` or in JSON (``filter_json``); both have the attributes of ``Conditions``.
"""

# ruff: noqa: D102 - the docstring of a protocol says what its properties are

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from earthgql.catalog.cutoffs import MOST_TERMS, valid_score
from earthgql.catalog.models import ModelRecord, label_column
from earthgql.catalog.scores import real_cutoff
from earthgql.catalog.tiles.areas import Area, parse_area
from earthgql.errors import BadInputError, ModelUnavailableError, shortened
from earthgql.imagery import grid
from earthgql.imagery.grid import WORLD, Bounds
from earthgql.models.protocol import ModelIdentity


@dataclass(frozen=True, slots=True, order=True)
class LabelTerm:
    """A label that counts from some score on.

    Attributes:
        column: place of the label in the model's scores, counted from 1.
        cutoff: the lowest score that counts, 0 to 1, as ``scores.real_cutoff`` rounds it.
    """

    column: int
    cutoff: float


@dataclass(frozen=True, slots=True)
class TileFilter:
    """A filter of tiles; one without conditions lets every tile through.

    The first five apply before overlapping tiles are ranked, so they may reveal a tile that others
    hide; the others apply to the visible tiles.

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


class LabelMinimum(Protocol):
    """A label, and the score from which it counts (none: the model's threshold of the label)."""

    @property
    def label(self) -> str: ...
    @property
    def min_score(self) -> float | None: ...


class LabelConditions(Protocol):
    """Labels of which a tile must have all, any, or none."""

    @property
    def all(self) -> Sequence[LabelMinimum] | None: ...
    @property
    def any(self) -> Sequence[LabelMinimum] | None: ...
    @property
    def none(self) -> Sequence[LabelMinimum] | None: ...


class AcquiredSpan(Protocol):
    """A span of time, from its beginning up to but without its end."""

    @property
    def from_(self) -> datetime | None: ...
    @property
    def to(self) -> datetime | None: ...


class Conditions(Protocol):
    """Conditions as clients write them; ``filter_json.Where`` says what each means."""

    @property
    def labels(self) -> LabelConditions | None: ...
    @property
    def scene(self) -> str | None: ...
    @property
    def zoom(self) -> int | None: ...
    @property
    def acquired(self) -> AcquiredSpan | None: ...
    @property
    def classified(self) -> bool | None: ...
    @property
    def within(self) -> Any: ...


def needs_model(where: Conditions | None) -> bool:
    """Whether the conditions are about scores."""
    return where is not None and (_names_labels(where) or where.classified is not None)


def tile_filter(
    where: Conditions | None,
    model: ModelRecord | None,
    *,
    scene: str | None = None,
    zoom: int | None = None,
    at: datetime | None = None,
    within: Area | None = None,
) -> TileFilter:
    """Validate conditions.

    Args:
        where: conditions, or none.
        model: whose scores the conditions and an order by a label use; needed if
            ``needs_model(where)``.
        scene: as ``where.scene``.
        zoom: as ``where.zoom``.
        at: leaves out scenes acquired later; without a zone it is taken as UTC.
        within: the area of ``where.within``, if it has been validated.

    Raises:
        BadInputError: if the zoom is not in the grid, a name has invalid characters, a time has
            no zone, a label is not the model's (the message names the nearest) or there are more
            than ``MOST_TERMS`` of a kind, a score is not between 0 and 1, the polygon is invalid,
            or two conditions contradict each other.
        ModelUnavailableError: if the conditions are about scores and there is no model.
    """
    identity = None if model is None else model.identity
    if identity is None and needs_model(where):
        raise ModelUnavailableError("there is no model whose scores could be looked at")
    labels = None if where is None else where.labels
    begin, end = _span(None if where is None else where.acquired)
    return TileFilter(
        scene=_scene_name(_either("scene", scene, None if where is None else where.scene)),
        zoom=_zoom(_either("zoom", zoom, None if where is None else where.zoom)),
        at=at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at,
        acquired_from=begin,
        acquired_to=end,
        within=within or _within(where),
        classified=_classified(where),
        all_of=_terms("all", labels.all if labels else (), identity, max),
        any_of=_terms("any", labels.any if labels else (), identity, min),
        none_of=_terms("none", labels.none if labels else (), identity, min),
        model_id=None if model is None else model.id,
    )


def confined(
    where: TileFilter, bounds: Sequence[Bounds] | None, polygon: object | None
) -> tuple[tuple[Bounds, ...], TileFilter]:
    """Return the rectangles and the filter of an area: bounds, a polygon, or in the filter.

    Args:
        where: the filter; its ``within`` is an area, and may go with ``bounds``.
        bounds: a rectangle as ``grid.bounds`` gives it; or
        polygon: GeoJSON or an area, as ``parse_area`` takes it.

    Returns:
        Rectangles that hold the area, or the whole map; and the filter with the area in it.

    Raises:
        BadInputError: if there is a polygon and another area, or the polygon is invalid.
    """
    if polygon is None:
        everywhere = WORLD if where.within is None else where.within.parts
        return (everywhere if bounds is None else tuple(bounds)), where
    if bounds is not None or where.within is not None:
        raise BadInputError("give one area: bounds, polygon or where.within (or bounds and within)")
    area = parse_area(polygon)
    return area.parts, replace(where, within=area)


def _names_labels(where: Conditions) -> bool:
    labels = where.labels
    return labels is not None and bool(labels.all or labels.any or labels.none)


def _terms(
    kind: str,
    conditions: Sequence[LabelMinimum] | None,
    identity: ModelIdentity | None,
    deciding: Callable[[float, float], float],
) -> tuple[LabelTerm, ...]:
    """One term for each label at most, in a fixed order: equal filters are equal."""
    if identity is None or not conditions:
        return ()
    if len(conditions) > MOST_TERMS:
        raise BadInputError(f"where.labels.{kind}: may have {MOST_TERMS} items at most")
    by_column: dict[int, float] = {}
    for term in (_term(condition, identity) for condition in conditions):
        known = by_column.get(term.column, term.cutoff)
        by_column[term.column] = deciding(known, term.cutoff)
    return tuple(LabelTerm(column, cutoff) for column, cutoff in sorted(by_column.items()))


def _term(condition: LabelMinimum, identity: ModelIdentity) -> LabelTerm:
    column = label_column(identity, condition.label)
    if condition.min_score is None:
        cutoff = identity.thresholds[column - 1]
    else:
        cutoff = valid_score(f"minScore of {condition.label}", condition.min_score)
    return LabelTerm(column, real_cutoff(cutoff))


def _within(where: Conditions | None) -> Area | None:
    return None if where is None or where.within is None else parse_area(where.within)


def _classified(where: Conditions | None) -> bool | None:
    if where is None:
        return None
    if where.classified is False and _names_labels(where):
        raise BadInputError(
            "where asks for labels and for tiles that are not classified: no tile is both"
        )
    return where.classified


def _span(acquired: AcquiredSpan | None) -> tuple[datetime | None, datetime | None]:
    if acquired is None:
        return None, None
    begin, end = acquired.from_, acquired.to
    for name, time in (("from", begin), ("to", end)):
        if time is not None and time.tzinfo is None:
            raise BadInputError(
                f"acquired.{name} needs a time zone: {time.isoformat()}Z, or an offset such as"
                " +02:00"
            )
    if begin is not None and end is not None and begin >= end:
        raise BadInputError(
            f"acquired.from ({begin.isoformat()}) must be before acquired.to ({end.isoformat()})"
        )
    return begin, end


def _either(name: str, one: Any, other: Any) -> Any:
    if one is not None and other is not None and one != other:
        raise BadInputError(f"{name} is given twice, as {shortened(one)} and as {shortened(other)}")
    return other if one is None else one


def _zoom(zoom: int | None) -> int | None:
    if zoom is not None and not 0 <= zoom <= grid.MAX_ZOOM:
        raise BadInputError(f"zoom must be between 0 and {grid.MAX_ZOOM}, not {shortened(zoom)}")
    return zoom


def _scene_name(scene: str | None) -> str | None:
    # No name in the database can hold a NUL or half a character.
    if scene is not None and (scene.encode(errors="replace").decode() != scene or "\0" in scene):
        raise BadInputError(f"no scene is named {shortened(scene)}")
    return scene
