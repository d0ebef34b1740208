"""The JSON form of a tile filter, which exports take: the names and values of GraphQL's ``where``.

Strict: text is not read as a number, nor a number as true or false; unknown names are refused.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from earthgql.catalog.json_input import Moment, error_text
from earthgql.errors import BadInputError

_LONGEST_NAME = 60


class _Form(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class LabelCondition(_Form):
    """A label, and the score from which it counts (none: the model's threshold of the label)."""

    label: str
    min_score: float | None = None


class LabelConditions(_Form):
    """Which labels a tile must have: all of some, any of some, none of some."""

    all: tuple[LabelCondition, ...] = ()
    any: tuple[LabelCondition, ...] = ()
    none: tuple[LabelCondition, ...] = ()

    @field_validator("all", "any", "none", mode="before")
    @classmethod
    def _as_tuple(cls, value: object) -> object:
        # JSON has lists, which pydantic's strict mode does not take as tuples.
        return tuple(value) if isinstance(value, list) else () if value is None else value


class Acquired(_Form):
    """A span of time, from its beginning up to but without its end; times have a zone."""

    from_: Moment | None = Field(None, alias="from")
    to: Moment | None = None


class Where(_Form):
    """The conditions of a list of tiles; one that is left out lets every tile through.

    Attributes:
        labels: by stored scores; nothing is classified.
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
    """Read conditions from parsed JSON.

    Raises:
        BadInputError: if it is not of the form of ``Where``; the message names the place.
    """
    try:
        return Where.model_validate(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["where", *(str(part)[:_LONGEST_NAME] for part in first["loc"])])
        raise BadInputError(f"{place}: {error_text(first)}") from None
