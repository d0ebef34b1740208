"""What may be asked of a list of tiles, in plain JSON, and what becomes of it."""

import difflib
import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic.alias_generators import to_camel

from earthgql.catalog.mistakes import in_words
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.reals import least_real
from earthgql.catalog.tiles.areas import Area, parse_area
from earthgql.catalog.tiles.selection import (
    Conditions,
    LabelMinimum,
    LabelTerm,
    LabelTerms,
    Span,
    TileFilter,
)
from earthgql.errors import BadInputError, ModelUnavailableError, shortened
from earthgql.imagery import grid
from earthgql.models.protocol import ModelIdentity

MOST_TERMS = 64
"""Conditions on labels of one kind."""


_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OFFSET_BELOW = timedelta(hours=16)


def has_storable_offset(moment: datetime) -> bool:
    """Whether PostgreSQL takes the UTC offset of a time: whole seconds, less than 16 hours."""
    offset = moment.utcoffset() or timedelta()
    return abs(offset) < _OFFSET_BELOW and not offset.microseconds


def as_moment(value: object) -> datetime:
    """Read a time; a number is none, for it could mean a year as well as seconds.

    Raises:
        ValueError: if it is none, or has an offset that the database does not take; says how to
            write it.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.match(value):
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
            # Brought to UTC instead, times of the years 1 and 9999 would overflow.
            if has_storable_offset(moment):
                return moment
    raise ValueError(
        "a time is written as 2024-08-01T12:00:00Z, and in JSON within quotes; an offset instead"
        " of Z, such as +02:00, is less than 16 hours"
    )


Moment = Annotated[datetime, BeforeValidator(as_moment)]
"""A time in JSON: text as ISO 8601 has it; a date alone is its midnight."""


class _Form(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class LabelCondition(_Form):
    """A label, and the score from which it counts (none: the model's threshold of the label)."""

    label: str
    min_score: float | None = None


class LabelConditions(_Form):
    """Which labels a tile must have: all of some, any of some, none of some."""

    all: tuple[LabelCondition, ...] = Field((), max_length=MOST_TERMS)
    any: tuple[LabelCondition, ...] = Field((), max_length=MOST_TERMS)
    none: tuple[LabelCondition, ...] = Field((), max_length=MOST_TERMS)

    @field_validator("all", "any", "none", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        # JSON has lists, which are no tuples to a strict reader.
        return tuple(value) if isinstance(value, list) else () if value is None else value


class Acquired(_Form):
    """A span of time, from its beginning up to but without its end; times have a zone."""

    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None


class Where(_Form):
    """The conditions of a list of tiles; those not given let every tile through.

    Attributes:
        labels: by scores that are kept; nothing is classified to find out.
        scene: only tiles of the scene of this name.
        zoom: only tiles of this zoom.
        acquired: only scenes known to be acquired in this span.
        classified: whether the model has classified the tile.
        within: GeoJSON Polygon or MultiPolygon that the tile shares area with, or an ``Area``.
    """

    labels: LabelConditions | None = None
    scene: str | None = None
    zoom: int | None = None
    acquired: Acquired | None = None
    classified: bool | None = None
    within: Any = None


def parse_where(value: object) -> Where:
    """Read conditions from what a JSON parser gives; nothing is taken for what it is not.

    Raises:
        BadInputError: if it is not of the form of ``Where``; the message names the place.
    """
    try:
        return Where.model_validate(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["where", *(str(part)[:60] for part in first["loc"])])
        raise BadInputError(f"{place}: {in_words(first)}") from None


def tile_filter(
    where: Conditions | None,
    model: ModelRecord | None,
    *,
    scene: str | None = None,
    zoom: int | None = None,
    at: datetime | None = None,
    within: Area | None = None,
) -> TileFilter:
    """Validate what chooses tiles.

    Args:
        where: conditions: a ``Where`` out of JSON, GraphQL's input, or none.
        model: whose scores they mean, and an order by a label; needed if ``needs_model(where)``.
        scene: as ``where.scene``.
        zoom: as ``where.zoom``.
        at: leaves out scenes acquired later; without a zone it is taken as UTC.
        within: the area of ``where.within``, if it has been validated.

    Raises:
        BadInputError: if the zoom is none of the grid's, a name holds what no name can, a time has
            no zone, a label is not the model's (the message names the nearest), a score is not
            between 0 and 1, the polygon is none, or two conditions contradict each other.
        ModelUnavailableError: if the conditions are about scores and there is no model.
    """
    where = where or Where()
    labels: LabelTerms = where.labels or LabelConditions()
    identity = _identity(where, model)
    begin, end = _span(where.acquired)
    return TileFilter(
        scene=_scene_name(_either("scene", scene, where.scene)),
        zoom=_zoom(_either("zoom", zoom, where.zoom)),
        at=at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at,
        acquired_from=begin,
        acquired_to=end,
        within=None if where.within is None else within or parse_area(where.within),
        classified=_classified(where),
        all_of=_terms(labels.all or (), identity, max),
        any_of=_terms(labels.any or (), identity, min),
        none_of=_terms(labels.none or (), identity, min),
        model_id=None if model is None else model.id,
    )


def needs_model(where: Conditions) -> bool:
    """Whether conditions are about scores."""
    return _about_labels(where) or where.classified is not None


def label_column(identity: ModelIdentity, label: str) -> int:
    """Return the place of a label in a model's scores, counted from 1.

    Raises:
        BadInputError: if the model has no such label; the message names the nearest.
    """
    try:
        return identity.labels.index(label) + 1
    except ValueError:
        raise BadInputError(unknown_label(identity, label)) from None


def unknown_label(identity: ModelIdentity, label: str) -> str:
    """Say that a model does not have a label, and which one may be meant."""
    named = f"model {identity.name} {identity.version} has no label {label[:60]!r}"
    folded = {known.casefold(): known for known in identity.labels}
    near = difflib.get_close_matches(label[:60].casefold(), folded, 1, cutoff=0.0)
    return f"{named}; the nearest is {folded[near[0]]!r}" if near else named


def valid_score(name: str, score: float) -> float:
    """Return a score.

    Raises:
        BadInputError: if it is not between 0 and 1.
    """
    if math.isnan(score) or not 0 <= score <= 1:
        raise BadInputError(f"{name} must be between 0 and 1, not {score}")
    return float(score)


def _about_labels(where: Conditions) -> bool:
    labels = where.labels
    return labels is not None and bool(labels.all or labels.any or labels.none)


def _identity(where: Conditions, model: ModelRecord | None) -> ModelIdentity | None:
    if model is None and needs_model(where):
        raise ModelUnavailableError("there is no model whose scores could be looked at")
    return None if model is None else model.identity


def _terms(
    conditions: Sequence[LabelMinimum],
    identity: ModelIdentity | None,
    deciding: Callable[[float, float], float],
) -> tuple[LabelTerm, ...]:
    """One term for each label at most, in a fixed order: equal filters are equal."""
    if identity is None:
        return ()
    by_column: dict[int, float] = {}
    for term in (_term(condition, identity) for condition in conditions):
        known = by_column.get(term.column, term.min_score)
        by_column[term.column] = deciding(known, term.min_score)
    return tuple(LabelTerm(column, score) for column, score in sorted(by_column.items()))


def _term(condition: LabelMinimum, identity: ModelIdentity) -> LabelTerm:
    column = label_column(identity, condition.label)
    if condition.min_score is None:
        floor = identity.thresholds[column - 1]
    else:
        floor = valid_score(f"minScore of {condition.label}", condition.min_score)
    return LabelTerm(column, least_real(floor))


def _classified(where: Conditions) -> bool | None:
    if where.classified is False and _about_labels(where):
        raise BadInputError(
            "where asks for labels and for tiles that are not classified: no tile is both"
        )
    return where.classified


def _span(acquired: Span | None) -> tuple[datetime | None, datetime | None]:
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
