"""``Context``: what the resolvers of one request share."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Request
from sqlalchemy import Connection
from strawberry.types import Info

from earthgql.api.loaders import Loaders, Scoring
from earthgql.catalog.tiles.areas import Area, count_positions, parse_area
from earthgql.errors import BadInputError
from earthgql.jobs.service import JobService
from earthgql.turns import Turns

MANY_POSITIONS = 1_000
"""Polygons of more are looked at in turns."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Context:
    """The services and loaders of one request.

    Attributes:
        loaders: batch and cache the reads of this request; never shared between requests, since
            they belong to its event loop.
        scoring: the one service that classifies tiles.
        jobs: where jobs are started and cancelled.
        sums: of sums over areas.
        request: the HTTP request.
        made: what ``once`` made in this request.
        areas: the polygons of this request so far, by identity, with the area of each or the
            error if it is invalid.
    """

    loaders: Loaders
    scoring: Scoring
    jobs: JobService
    sums: Turns
    request: Request
    made: dict[Hashable, Any] = field(default_factory=dict)
    areas: dict[int, tuple[object, Area | BadInputError]] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """URL of the server as the client sees it, with a trailing slash."""
        return self.request.host_url

    @contextmanager
    def area_sum(self) -> Iterator[Connection]:
        """Lend a connection for one sum over an area, when it is its turn.

        Raises:
            OverloadedError: if too many are asked for at once.
            DeadlineError: if this request has spent the time that its statements may take.
        """
        with self.sums.turn(), self.loaders.connection() as connection:
            yield connection

    def once(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of a key, made at most once in this request."""
        if key not in self.made:
            self.made[key] = make()
        value: Value = self.made[key]
        return value

    def area(self, polygon: object) -> Area:
        """Return the area of a GeoJSON geometry, validated at most once in this request.

        Raises:
            BadInputError: if it is invalid.
            OverloadedError: if it has many positions, and too many such are looked at already.
        """
        # The polygon is kept with its area: else its identity might become that of another.
        known = self.areas.get(id(polygon))
        if known is None:
            # Whether thousands of edges cross takes as long to find out as many a sum.
            many = count_positions(polygon) > MANY_POSITIONS
            with self.sums.turn() if many else nullcontext():
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
