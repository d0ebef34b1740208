"""The schema, built when it is first needed."""

from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from earthgql.api.lean import LeanExecution, make_lean
from earthgql.api.limits import CACHED_DOCUMENTS, LimitedParser
from earthgql.api.queries import Query
from earthgql.api.types import Model, Scene, Tile
from earthgql.api.values import GEOJSON_SCALAR, GeoJSON
from earthgql.api.viewport import (
    INTEGERS_SCALAR,
    SCORE_MATRIX_SCALAR,
    Integers,
    ScoreMatrix,
)

_SCALARS: dict[object, ScalarDefinition] = {
    GeoJSON: GEOJSON_SCALAR,
    Integers: INTEGERS_SCALAR,
    ScoreMatrix: SCORE_MATRIX_SCALAR,
}


class Schema(strawberry.Schema):
    """A schema that leaves the logging of errors to ``earthgql.api.errors``."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Log nothing: a client's mistakes are no news."""


def _validation_cache() -> ValidationCache:
    return ValidationCache(maxsize=CACHED_DOCUMENTS)


@cache
def schema() -> Schema:
    """Return the schema of the API."""
    made = Schema(
        query=Query,
        types=[Tile, Scene, Model],
        extensions=[LimitedParser, _validation_cache],
        execution_context_class=LeanExecution,
        config=StrawberryConfig(scalar_map=_SCALARS),
    )
    make_lean(made._schema)
    return made


def sdl() -> str:
    """Return the schema in GraphQL's schema definition language."""
    return schema().as_str() + "\n"
