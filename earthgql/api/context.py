"""What every resolver of one request shares."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Request
from strawberry.types import Info

from earthgql.api.loaders import Loaders
from earthgql.catalog.tiles.areas import Area, parse_area
from earthgql.errors import BadInputError
from earthgql.jobs.service import JobService
from earthgql.scoring.service import ScoringService

if TYPE_CHECKING:
    from earthgql.api.types.nodes import Model


@dataclass(frozen=True, slots=True)
class Context:
    """The services and loaders of one request.

    Attributes:
        loaders: batch and remember what this request reads; never shared between requests, since
            they belong to the event loop of theirs.
        scoring: the one service that classifies tiles.
        jobs: where jobs are started and cancelled.
        request: as it came.
        models: those of this request so far, by row id; all its tiles share one.
        cutoffs: those of this request so far, by what asked for them; worked out once.
        areas: the polygons of this request so far, by identity, with what they are or why they
            are none.
    """

    loaders: Loaders
    scoring: ScoringService
    jobs: JobService
    request: Request
    models: dict[int, Model] = field(default_factory=dict)
    cutoffs: dict[Hashable, tuple[float, ...]] = field(default_factory=dict)
    areas: dict[int, tuple[object, Area | BadInputError]] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """URL of the server as the client sees it, with a trailing slash."""
        return self.request.host_url

    def area(self, polygon: object) -> Area:
        """Return the area of a GeoJSON geometry, validated once however often it is asked for.

        Raises:
            BadInputError: if it is none.
        """
        # The polygon is kept with its area: else its identity might become that of another.
        known = self.areas.get(id(polygon))
        if known is None:
            try:
                known = (polygon, parse_area(polygon))
            except BadInputError as error:
                known = (polygon, error)
            self.areas[id(polygon)] = known
        if isinstance(known[1], BadInputError):
            raise known[1]
        return known[1]


RequestInfo = Info[Context, None]
"""The ``info`` argument of resolvers."""
