"""Requests that Schemathesis generates from the schema: no answer is an internal error.

``pytest tests/api/test_generated_requests.py --hypothesis-profile thousand`` sends a thousand.
"""

import json

import pytest
import schemathesis
from graphql import ValueNode, parse_value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes
from support.api_client import WHOLE_SCENE, Api

CODES = {
    "AREA_TOO_LARGE",
    "BAD_USER_INPUT",
    "GRAPHQL_VALIDATION_FAILED",
    "MODEL_UNAVAILABLE",
    "NOT_FOUND",
    "OVERLOADED",  # more than 100 jobs
    "QUERY_TOO_LARGE",
}
WEST, SOUTH, EAST, NORTH = (WHOLE_SCENE[side] for side in ("west", "south", "east", "north"))
TRIANGLE = [[[WEST, SOUTH], [EAST, SOUTH], [EAST, NORTH], [WEST, SOUTH]]]


def geojson(kind: str, coordinates: object) -> ValueNode:
    """A geometry as it stands in a document, where numbers and lists are those of JSON."""
    return parse_value(f"{{type: {json.dumps(kind)}, coordinates: {json.dumps(coordinates)}}}")


numbers = st.sampled_from([WEST, SOUTH, EAST, NORTH]) | st.floats(-1e3, 1e3) | st.integers()
positions = st.lists(numbers, max_size=3)
rings = st.lists(st.lists(positions, max_size=6), max_size=2)
polygons = st.just(("Polygon", TRIANGLE)) | st.tuples(
    st.sampled_from(["Polygon", "MultiPolygon", "Point"]), rings | st.lists(rings, max_size=2)
)
moments = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z") | st.text(max_size=9)


@pytest.fixture(scope="module")
def operations(api: Api) -> st.SearchStrategy[schemathesis.Case]:
    """Requests for any field of ``Query`` or ``Mutation``."""
    schemathesis.graphql.scalar("GeoJSON", polygons.map(lambda parts: geojson(*parts)))
    schemathesis.graphql.scalar("DateTime", moments.map(nodes.String))
    schema = schemathesis.graphql.from_wsgi("/graphql", app=api.app)
    found = [operation.ok() for operation in schema.get_all_operations()]
    assert len(found) > 15
    return st.one_of([operation.as_strategy() for operation in found])


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_ends_in_a_defect(
    operations: st.SearchStrategy[schemathesis.Case], data: st.DataObject
) -> None:
    case = data.draw(operations)
    response = case.call()
    assert response.status_code in (200, 400), case.body
    errors = response.json().get("errors", [])
    assert {error["extensions"]["code"] for error in errors} <= CODES, (case.body, errors)
