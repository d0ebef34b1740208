"""Direct resolvers and the short cut for scalar objects answer as plain Strawberry does."""

import logging
from typing import Any

import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionResult
from support.api_client import NORTH_WEST, WHOLE_SCENE, Api, centre, viewport

from earthgql.api import schema as schemas
from earthgql.api.execution import scalar_objects
from earthgql.api.execution.direct import use_direct_resolvers
from earthgql.api.execution.scalar_objects import ScalarObjectExecution
from earthgql.api.schema import schema

EVERYTHING = """
query ($b: BoundsInput!, $yes: Boolean! = true, $lat: Float!, $lon: Float!) {
  tilesInBounds(bounds: $b, first: 4) {
    nodes {
      __typename id z x renamed: y quadkey footprint bounds { west south east north }
      imageUrl scene { id name zoom acquiredAt attribution tileCount bounds { west } }
      classification(cutoff: 0.2) {
        ...scored computedAt labels top: scores(top: 2) { label }
        model { id name version labels thresholds sha256 } tile { id }
      }
      own: classification(model: "1", cutoffs: [{label: "road", cutoff: 0.1}]) {
        scores { label cutoff margin }
      }
      hidden: z @skip(if: $yes)
      shown: classification { scores @include(if: $yes) { score label __typename } }
    }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
  roads: tilesInBounds(
    where: {labels: {any: [{label: "road", minScore: 0.2}]}, classified: null}
    orderBy: {label: "road", direction: ASC}, last: 2
  ) { nodes { x } totalCount }
  classifyPoint(lat: $lat, lon: $lon) { tile { ... on Node { id } } labels }
  viewport(bounds: $b, first: 3) { ids labels tilesTotal pageInfo { endCursor } model { id } }
  scenes { nodes { name tileCount } }
  models { nodes { name } edges { cursor } totalCount }
  model(version: "1") { name }
  node(id: "U2NlbmU6MQ==") { id ... on Scene { name } }
}
fragment scored on Classification { scores(top: 3) { label score } scores(top: 3) { score } }
"""


def test_answers_are_those_of_plain_strawberry(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    lat, lon = centre(NORTH_WEST)
    variables = {"b": viewport(NORTH_WEST, 3, 2), "lat": lat, "lon": lon}
    api.ask(EVERYTHING, **variables)
    fast = api.data(EVERYTHING, **variables)
    plain = strawberry.Schema(
        query=schemas.Query,
        types=[schemas.Tile, schemas.Scene, schemas.Model],
        config=StrawberryConfig(scalar_map=schemas._SCALARS),
    )
    view: Any = api.app.view_functions["graphql"]
    instance = next(c.cell_contents for c in view.__closure__ if hasattr(c.cell_contents, "schema"))
    monkeypatch.setattr(instance, "schema", plain)
    assert api.data(EVERYTHING, **variables) == fast
    assert list(fast["tilesInBounds"]["nodes"][0])[:4] == ["__typename", "id", "z", "x"]


def test_errors_are_those_of_plain_strawberry() -> None:
    @strawberry.type
    class Part:
        name: str
        size: int

    @strawberry.type
    class Query:
        @strawberry.field
        def parts(self) -> list[Part | None]:
            return [
                Part(name="whole", size=1),
                Part(name="unsized", size=None),  # type: ignore[arg-type]
                Part(name="huge", size=2**40),
                object(),  # type: ignore[list-item]
            ]

    def ask(made: strawberry.Schema) -> ExecutionResult:
        return made.execute_sync("{ parts { name size } }")

    fast = strawberry.Schema(query=Query, execution_context_class=ScalarObjectExecution)
    use_direct_resolvers(fast._schema)
    one, other = ask(fast), ask(strawberry.Schema(query=Query))
    assert one.data == other.data == {"parts": [{"name": "whole", "size": 1}, None, None, None]}
    assert [error.formatted for error in one.errors or ()] == [
        error.formatted for error in other.errors or ()
    ]
    assert len(one.errors or ()) == 3


def test_what_is_an_attribute_is_read_as_one() -> None:
    fields: Any = schema()._schema.type_map
    for name in ("label", "score", "cutoff", "margin"):
        assert hasattr(fields["LabelScore"].fields[name].resolve, "read")
    assert not hasattr(fields["Query"].fields["classifyPoint"].resolve, "read")


def test_a_request_s_tiles_share_their_model(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = schemas.Model.of.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        schemas.Model, "of", classmethod(lambda cls, r: made.append(r) or original(cls, r))
    )
    api.data(
        "query ($b: BoundsInput!) { tilesInBounds(bounds: $b) { nodes { classification {"
        " model { name } } } } }",
        b=WHOLE_SCENE,
    )
    assert len(made) == 1


def test_untested_versions_are_answered_by_plain_strawberry(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, scalar_objects.__name__):
        assert schema.__wrapped__().execution_context_class is ScalarObjectExecution
        assert caplog.messages == []
        monkeypatch.setitem(scalar_objects.TESTED, "graphql-core", "2.")
        plain = schema.__wrapped__()
    assert plain.execution_context_class is not ScalarObjectExecution
    fields: Any = plain._schema.type_map
    assert not hasattr(fields["LabelScore"].fields["score"].resolve, "read")
    [message] = caplog.messages
    assert "untested with graphql-core 3." in message
    assert plain.execute_sync("{ __typename }").data == {"__typename": "Query"}
