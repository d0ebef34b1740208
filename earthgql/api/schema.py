"""The schema, built when it is first needed."""

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.types.base_scalars import DateTimeDefinition, wrap_parser
from strawberry.types.scalar import ScalarDefinition

from earthgql.api.execution.direct import use_direct_resolvers
from earthgql.api.execution.limits import LimitedParser, Parser, parser_for
from earthgql.api.execution.scalar_objects import ScalarObjectExecution, is_tested
from earthgql.api.resolvers.analysis import AnalysisQueries
from earthgql.api.resolvers.jobs import JobQueries, Mutation
from earthgql.api.resolvers.map import MapQueries
from earthgql.api.resolvers.nodes import NodeQueries
from earthgql.api.resolvers.viewport import ViewportQueries
from earthgql.api.types.job import Job
from earthgql.api.types.model import Model
from earthgql.api.types.scene import Scene
from earthgql.api.types.tile import Tile
from earthgql.api.types.values import GEOJSON_SCALAR, GeoJSON
from earthgql.api.types.viewport import (
    DISTANCES_SCALAR,
    INTEGERS_SCALAR,
    SCORE_MATRIX_SCALAR,
    Distances,
    Integers,
    ScoreMatrix,
)
from earthgql.catalog.json_input import as_moment

_DATE_TIME = replace(
    DateTimeDefinition,
    parse_value=wrap_parser(as_moment, "DateTime"),
    description="A moment: date, time and offset as in RFC 3339, such as 2017-08-11T14:00:00Z.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
)
_SCALARS: dict[object, ScalarDefinition] = {
    datetime: _DATE_TIME,
    GeoJSON: GEOJSON_SCALAR,
    Distances: DISTANCES_SCALAR,
    Integers: INTEGERS_SCALAR,
    ScoreMatrix: SCORE_MATRIX_SCALAR,
}


# The order of the bases is that of the fields in the documentation.
@strawberry.type(description="What one can ask.")
class Query(MapQueries, ViewportQueries, NodeQueries, AnalysisQueries, JobQueries):
    """The entry points of queries."""


class Schema(strawberry.Schema):
    """A schema that leaves the logging of errors to ``earthgql.api.errors``."""

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Log nothing: ``errors.present`` logs what is not the client's mistake."""


@cache
def schema() -> Schema:
    """Return the schema of the API."""
    fast = is_tested()
    built = Schema(
        query=Query,
        mutation=Mutation,
        types=[Job, Tile, Scene, Model],
        extensions=[LimitedParser],
        execution_context_class=ScalarObjectExecution if fast else None,
        config=StrawberryConfig(scalar_map=_SCALARS),
    )
    if fast:
        use_direct_resolvers(built._schema)
    return built


def document_parser() -> Parser:
    """Return the parser of documents for the schema."""
    return parser_for(schema()._schema)


def sdl() -> str:
    """Return the schema in GraphQL's schema definition language."""
    return schema().as_str() + "\n"
