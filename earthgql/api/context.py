"""What every resolver of one request shares."""

from dataclasses import dataclass

from strawberry.types import Info

from earthgql.api.loaders import Loaders
from earthgql.classification import ScoringService


@dataclass(frozen=True, slots=True)
class Context:
    """The services and loaders of one request.

    Attributes:
        loaders: batch and remember what this request reads; never shared between requests, since
            they belong to the event loop of theirs.
        scoring: the one service that classifies tiles.
        base_url: URL of the server as the client sees it, with a trailing slash.
    """

    loaders: Loaders
    scoring: ScoringService
    base_url: str


RequestInfo = Info[Context, None]
"""The ``info`` argument of resolvers."""
