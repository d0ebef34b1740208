"""Documents made to hurt: refused, and quickly."""

import math
import time
from collections.abc import Callable

import pytest
from graphql import GraphQLError, get_introspection_query
from sqlalchemy import Engine, event
from support.api_client import Api, make_api

from earthgql.api import context, loaders
from earthgql.api.execution import limits
from earthgql.api.schema import document_parser
from earthgql.catalog.tiles.areas import Area, parse_area

QUICK_S = 3.0  # of processor time, forgiving: these took minutes or killed the process


@pytest.fixture(scope="module")
def bare(module_engine: Engine) -> Api:
    """An application without imagery."""
    return make_api(module_engine)


def chain(count: int, body: str) -> str:
    """``count`` fragments, each of which spreads the next in ``body``."""
    fragments = [f"fragment F{i} on Query {{ {body.format(next=i + 1)} }}" for i in range(count)]
    return "{ ...F0 }" + "".join(fragments) + f"fragment F{count} on Query {{ __typename }}"


HOSTILE = {
    "deep fields": "{" + "node(id: 1) {" * 10_000 + "id" + "}" * 10_000 + "}",
    "deep tiles": '{tile(id:"x"){' + "classification{tile{" * 30 + "id" + "}}" * 30 + "}}",
    "deep value": "{ node(id: " + "[" * 100_000,
    "deep inline fragments": "{" + "...{" * 150 + "__typename" + "}" * 151,
    "fragments doubling": chain(
        40, "a: node(id: 1) {{ ...F{next} }} b: node(id: 1) {{ ...F{next} }}"
    ),
    "fragments doubling in place": chain(40, "... {{ ...F{next} }} ... {{ ...F{next} }}"),
    "too many fragments": chain(5_000, "...F{next}"),
    "10,000 aliases": "{" + " ".join(f"a{i}: __typename" for i in range(10_000)) + "}",
    "4,000 aliases": "{" + " ".join(f"a{i}: __typename" for i in range(4_000)) + "}",
    "the same field again and again": "{" + "__typename " * 10_000 + "}",
    "unknown fields": "{" + " ".join(f"a{i}" for i in range(15_000)) + "}",
    "many operations": "".join(f"query Q{i} {{ __typename }} " for i in range(3_000)),
    "large pages": "{"
    + " ".join(
        f"a{i}: tilesInBounds(bounds: {{west: 0, south: 0, east: 1, north: 1}}, first: 1000)"
        "{ nodes { id z x y quadkey } }"
        for i in range(100)
    )
    + "}",
    "comments": "#\n" * 200_000 + "{ __typename }",
    "long": "{ __typename }" + " " * 600_000,
    "a number of 5,000 digits": "{ tilesInBounds(first: " + "9" * 5_000 + ") { nodes { id } } }",
    "a default of 5,000 digits": "query ($n: Int = " + "9" * 5_000 + ") { __typename }",
    "positions in positions": "{ labelHistogram(polygon: {coordinates: "
    + "[" * 100
    + "]" * 100
    + "}) { areaKm2 } }",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents(bare: Api, name: str) -> None:
    body = {"query": HOSTILE[name], "operationName": "Q1" if name == "many operations" else None}
    began = time.process_time()
    response = bare.client.post("/graphql", json=body)
    took = time.process_time() - began
    errors = response.get_json()["errors"]
    assert {e["extensions"]["code"] for e in errors} <= {limits.CODE, "GRAPHQL_PARSE_FAILED"}
    assert len(response.text) < 2_000
    assert took < QUICK_S


def test_fragments_that_spread_themselves(bare: Api) -> None:
    document = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"
    assert set(bare.codes(document)) == {"GRAPHQL_VALIDATION_FAILED"}


POINTS = " ".join(
    f"p{i}: classifyPoint(lat: {i / 20}, lon: 5.5) {{ labels scores {{ label score }} }}"
    for i in range(1_000)
)
EVERYTHING = """
query ($b: BoundsInput!, $n: Int!) { tilesInBounds(bounds: $b, first: $n) { nodes {
  id z x y quadkey imageUrl footprint bounds { west south east north } scene { id name }
  classification { labels computedAt model { name version } scores { label score } }
} } }
"""


def aliased(count: int, field: str) -> str:
    return " ".join(f"a{i}: {field}" for i in range(count))


VIEWPORT = "viewport(infer: false, first: 10000)"
ALL_COLUMNS = "labels ids z x y scores errors { rows } model { labels thresholds }"
SUMS = "labels { label cutoff tiles areaKm2 share meanScore }"
PERIOD = f"from to coveredKm2 classifiedKm2 classifiedShare tiles tilesClassified {SUMS}"


@pytest.mark.parametrize(
    ("most", "document"),
    [
        (24, lambda n: f"{{ {aliased(n, f'{VIEWPORT} {{ x }}')} }}"),
        (2, lambda n: f"{{ {aliased(n, f'{VIEWPORT} {{ {ALL_COLUMNS} }}')} }}"),
        (6, lambda n: f"{{ {VIEWPORT} {{ {aliased(n, 'scores')} }} }}"),
        (
            24,
            lambda n: f"{{ {VIEWPORT} {{ ...A }} }} fragment A on Viewport {{ {aliased(n, 'z')} }}",
        ),
        (3, lambda n: f"{{ {aliased(n, f'labelTimeline {{ periods {{ {PERIOD} }} }}')} }}"),
        (4, lambda n: f"{{ labelTimeline {{ periods {{ {aliased(n, SUMS)} }} }} }}"),
        (
            24,
            lambda n: (
                f"{{ tilesInBounds(first: 1000) {{ nodes {{ {aliased(n, 'footprint')} }} }} }}"
            ),
        ),
    ],
)
def test_lists_and_columns_weigh_what_they_hold(most: int, document: Callable[[int], str]) -> None:
    assert document_parser().parse(document(most)).operations == 1
    with pytest.raises(GraphQLError, match="values"):
        document_parser().parse(document(most + 1))


def test_the_length_of_a_list_of_differences_is_only_its_own() -> None:
    fields = "labels { label both onlyA onlyB } mostDifferent { distance labelsOnlyA }"
    document = f'query ($n: Int!) {{ modelComparison(a: "1", first: $n) {{ {fields} }} }}'
    assert document_parser().parse(document).operations == 1
    with pytest.raises(GraphQLError, match="values"):
        document_parser().parse(document.replace("labelsOnlyA", aliased(12, "labelsOnlyA")))


@pytest.mark.parametrize(
    "document",
    [
        get_introspection_query(specified_by_url=True, input_value_deprecation=True),
        f"{{ {POINTS} }}",
        EVERYTHING,
        "{ ...A ...B } fragment A on Query { ...B } fragment B on Query { __typename }",
    ],
    ids=["introspection", "1,000 points", "1,000 tiles with everything", "fragments"],
)
def test_documents_within_the_limits(document: str) -> None:
    assert document_parser().parse(document).operations == 1


def test_weights_count_unfolded_fragments() -> None:
    aliases = " ".join(f"a{i}: __typename" for i in range(600))
    fragments = f"fragment A on Query {{ {aliases} }} fragment B on Query {{ ...A c: __typename }}"
    assert document_parser().parse(f"{{ ...A }} {fragments}").operations == 1
    with pytest.raises(GraphQLError, match="aliases"):
        document_parser().parse(f"{{ ...A ...B }} {fragments}")


def test_documents_are_remembered(bare: Api) -> None:
    document = "{ remembered: __typename }"
    assert bare.data(document) == bare.data(document)
    assert document_parser().parse(document).node is document_parser().parse(document).node


AREA = "bounds: {west: 0, south: 0, east: 1, north: 1}"


@pytest.mark.parametrize(
    ("kind", "field", "each"),
    [
        ("query", f"tilesInBounds({AREA}, first: 1) {{ nodes {{ id }} }}", 1),
        ("query", f"tilesInBounds({AREA}, first: 1) {{ totalCount }}", 2),
        ("query", f"viewport({AREA}, first: 1) {{ ids }}", 1),
        ("query", f"viewport({AREA}, first: 1) {{ tilesTotal }}", 2),
        ("query", f"labelHistogram({AREA}) {{ areaKm2 }}", 1),
        ("mutation", f"classifyArea({AREA}) {{ id }}", 1),
    ],
)
def test_few_fields_of_a_request_look_at_areas(kind: str, field: str, each: int) -> None:
    def document(count: int) -> str:
        return f"{kind} {{ {' '.join(f'a{i}: {field}' for i in range(count))} }}"

    most = limits.MAX_AREAS // each
    assert document_parser().parse(document(most)).operations == 1
    with pytest.raises(GraphQLError, match=r"more than (24 fields that look|250,000)"):
        document_parser().parse(document(most + 1))


def test_lists_of_many_objects_are_refused_before_they_are_looked_at(bare: Api) -> None:
    terms = [{"label": "road"}] * (limits.MAX_OBJECTS + 1)
    nodes = "tilesInBounds(where: $w) { nodes { id } }"
    by_variable = f"query ($w: TileWhere) {{ {nodes} }}"
    literal = "[" + '{label: "road"} ' * len(terms) + "]"
    where = f"{{labels: {{any: {literal}}}}}"
    by_default = f"query ($w: TileWhere = {where}) {{ {nodes} }}"
    directly = f"{{ {nodes.replace('$w', where)} }}"
    assert bare.codes(by_variable, w={"labels": {"any": terms}}) == [limits.CODE]
    assert bare.codes(by_default) == [limits.CODE]
    assert bare.codes(directly) == [limits.CODE]
    assert bare.data(by_variable, w={"labels": {"any": terms[1:]}})["tilesInBounds"] == {
        "nodes": []
    }
    answer = bare.client.post("/export/tiles.csv", json={"where": {"labels": {"any": terms}}})
    assert answer.status_code == 400
    assert "where.labels.any" in answer.get_json()["errors"][0]["message"]


def spiky(corners: int) -> dict[str, object]:
    angles = [2 * math.pi * i / corners for i in range(corners)]
    ring = [
        [(10 + 5 * (i % 2)) * math.cos(a), (10 + 5 * (i % 2)) * math.sin(a)]
        for i, a in enumerate(angles)
    ]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


def test_a_polygon_is_validated_once_for_all_fields(
    bare: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def counted(geometry: object) -> Area:
        seen.append(geometry)
        return parse_area(geometry)

    monkeypatch.setattr(context, "parse_area", counted)
    fields = " ".join(f"a{i}: labelHistogram(polygon: $p) {{ areaKm2 }}" for i in range(12))
    lists = " ".join(
        f"b{i}: tilesInBounds(where: {{within: $p}}) {{ nodes {{ id }} }}" for i in range(12)
    )
    document = f"query ($p: GeoJSON!) {{ {fields} {lists} }}"
    answer = bare.data(document, p=spiky(200))
    assert (len(answer), len(seen)) == (24, 1)
    crossed = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    assert bare.codes(document, p=crossed) == ["BAD_USER_INPUT"] * 24
    assert len(seen) == 2


def test_the_statements_of_a_request_share_one_deadline(
    bare: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare.data("{ models { nodes { id } } }")
    fields = f"a: labelHistogram({AREA}) {{ areaKm2 }} b: scenes {{ nodes {{ id }} }}"
    lists = " ".join(
        f"c{i}: tilesInBounds({AREA}, zoom: {i}) {{ nodes {{ id }} }}" for i in range(5)
    )

    def spent(*_statement: object) -> None:
        now[0] += loaders.DATABASE_S / 2

    # Each statement takes half of what there is.
    now = [1000.0]
    monkeypatch.setattr(loaders, "monotonic", lambda: now[0])
    event.listen(bare.engine, "after_cursor_execute", spent)
    try:
        with bare.statements() as seen:
            answer = bare.ask(f"{{ {fields} {lists} }}")
    finally:
        event.remove(bare.engine, "after_cursor_execute", spent)
    assert len(seen) == 2
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"TIMEOUT"}
    assert sum(value is None for value in answer["data"].values()) == len(answer["errors"]) >= 5


@pytest.mark.parametrize("depth", [40, 500, 900, 960, 990, 1_500])
def test_deep_coordinates_are_a_client_s_mistake(bare: Api, depth: int) -> None:
    query = "query ($p: GeoJSON!) { labelHistogram(polygon: $p) { areaKm2 } }"
    polygon = f'{{"type": "Polygon", "coordinates": {"[" * depth}1{"]" * depth}}}'
    for path, body in (
        ("/graphql", f'{{"query": "{query}", "variables": {{"p": {polygon}}}}}'),
        ("/export/tiles.csv", f'{{"polygon": {polygon}}}'),
    ):
        answer = bare.client.post(path, data=body, content_type="application/json")
        assert answer.status_code in (200, 400)
        [error] = answer.get_json()["errors"]
        assert error["extensions"]["code"] in (limits.CODE, "BAD_REQUEST", "BAD_USER_INPUT")


def test_a_variable_of_thousands_of_digits(bare: Api) -> None:
    body = '{"query": "{ __typename }", "variables": {"n": ' + "9" * 5_000 + "}}"
    answer = bare.client.post("/graphql", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert "thousands of digits" in answer.get_json()["errors"][0]["message"]
