"""The operation collection: fits the schema, is answered, and is what the docs speak of."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)
from sqlalchemy import Engine, text
from support.api_client import NORTH_WEST, Api, ingest, make_api, viewport, write_raster
from support.pixel_classifier import PIXEL_IDENTITY
from support.stored_scores import score

from earthgql.api.schema import schema
from earthgql.settings import PROJECT_ROOT
from earthgql.web import operations
from earthgql.web.operations import Operation

OPERATIONS = [operation for kind in operations.kinds() for operation in kind.operations]
DATES = (datetime(2016, 8, 4, 14, tzinfo=UTC), datetime(2017, 8, 11, 14, tzinfo=UTC))
SIDE = 5
# GraphQL in the docs: fenced, and whole documents.
FENCED = re.compile(r"^```graphql\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCS = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in (PROJECT_ROOT / "README.md", *sorted((PROJECT_ROOT / "docs").glob("*.md")))
    for number, block in enumerate(FENCED.findall(path.read_text()), start=1)
]


def definition(operation: Operation) -> OperationDefinitionNode:
    document = parse(operation.query)
    [found] = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_fits_the_schema(operation: Operation) -> None:
    assert validate(schema()._schema, parse(operation.query)) == []
    found = definition(operation).name
    assert found is not None
    assert found.value == operation.name
    assert operation.query.startswith("# ")
    assert 10 <= len(operation.title) <= 90


def test_every_file_is_in_the_collection() -> None:
    files = {path.stem for path in operations.FOLDER.rglob("*.graphql")}
    assert files == {operation.name for operation in OPERATIONS}
    assert len(files) == len(OPERATIONS)


@pytest.mark.parametrize("of", [OperationType.QUERY, OperationType.MUTATION], ids=lambda o: o.value)
def test_every_entry_point_is_shown(of: OperationType) -> None:
    entries = {
        field.name.value
        for operation in OPERATIONS
        if definition(operation).operation is of
        for field in definition(operation).selection_set.selections
        if isinstance(field, FieldNode)
    }
    root = schema()._schema.get_root_type(of)
    assert root is None or isinstance(root, GraphQLObjectType)
    assert entries == set(root.fields if root else ())


def test_documents_without_values_for_their_variables() -> None:
    with pytest.raises(KeyError, match="bounds"):
        operations.operation("WhatIsInView").variables({"lat": 1.0})
    assert operations.operation("TilesPageByPage").variables({"bounds": 1, "lat": 2}) == {
        "bounds": 1
    }
    with pytest.raises(KeyError):
        operations.operation("NoSuchOperation")


@pytest.mark.parametrize("block", DOCS)
def test_graphql_in_the_docs_fits_the_schema(block: str) -> None:
    assert validate(schema()._schema, parse(block)) == []


def test_docs_list_the_collection() -> None:
    text = (PROJECT_ROOT / "docs" / "clients.md").read_text()
    listed = re.findall(r"^\| \[`(\w+)`\]\(\.\./([^)]+)\) \| (.*) \|$", text, re.MULTILINE)
    expected = [
        (
            operation.name,
            f"earthgql/web/operations/{kind.name}/{operation.name}.graphql",
            operation.title,
        )
        for kind in operations.kinds()
        for operation in kind.operations
    ]
    assert listed == expected


# Where a scene has slash_burn, counted from its north-western tile. The examples ask about the nine
# tiles around (2, 2): it vanishes from two of them, stays on one and appears on three.
BURNT = {
    "lake-2016": {(1, 1), (1, 2), (1, 3)},
    "lake-2017": {(1, 1), (3, 1), (3, 2), (3, 3)},
}
PLACES = text("SELECT t.id, s.name, t.x, t.y FROM tile t JOIN scene s ON s.id = t.scene_id")


@pytest.fixture(scope="module")
def two_dates(module_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Api:
    """A place at two dates, scored by two models, one of which never sees a fire; and a job."""
    folder: Path = tmp_path_factory.mktemp("dates")
    for seed, date in enumerate(DATES):
        raster = write_raster(folder / f"{date:%Y}.tif", NORTH_WEST, SIDE, SIDE, seed=seed)
        ingest(module_engine, raster, f"lake-{date:%Y}", acquired_at=date)
    with module_engine.connect() as conn:
        places = conn.execute(PLACES).all()
    burns = {
        tile: {"slash_burn": 0.75 * ((x - NORTH_WEST.x, y - NORTH_WEST.y) in BURNT[scene])}
        for tile, scene, x, y in places
    }
    score(module_engine, burns)
    blind = replace(PIXEL_IDENTITY, version="blind", sha256="0" * 64)
    score(module_engine, {tile: {} for tile in burns}, blind)
    api = make_api(module_engine)
    [job] = (o for o in OPERATIONS if o.name == "ClassifyThisArea")
    api.data(job.query, bounds=viewport(NORTH_WEST, SIDE, SIDE))
    return api


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.name)
def test_is_answered(two_dates: Api, operation: Operation) -> None:
    answer = two_dates.client.get("/examples.json?scene=lake-2017").get_json()
    [example] = (
        example
        for chapter in answer["collection"]
        for example in chapter["examples"]
        if example["query"] == operation.query
    )
    data = two_dates.data(example["query"], **example["variables"])
    assert [name for name, value in data.items() if value is None] == []


def test_answers_about_two_dates(two_dates: Api) -> None:
    answer = two_dates.client.get("/examples.json?scene=lake-2017").get_json()
    [explorer] = (c["examples"] for c in answer["collection"] if c["title"] == "Explorer")
    data: dict[str, Any] = {}
    for example in explorer:
        data |= two_dates.data(example["query"], **example["variables"])
    assert [scene["acquiredAt"] for scene in data["scenes"]["nodes"]] == [
        date.isoformat() for date in DATES
    ]
    assert data["labelHistogram"]["tiles"] == data["labelHistogram"]["tilesClassified"] == 9
    assert [p["from"][:4] for p in data["labelTimeline"]["periods"]] == ["2016", "2017"]
    assert [
        [(of["label"], of["tiles"]) for of in period["labels"]]
        for period in data["labelTimeline"]["periods"]
    ] == [[("slash_burn", 3)], [("slash_burn", 4)]]
    changes = data["labelChanges"]
    assert {name: changes[name]["tiles"] for name in ("appeared", "vanished", "kept")} == {
        "appeared": 3,
        "vanished": 2,
        "kept": 1,
    }
    assert sorted(
        (of["kind"], of["scoreBefore"], of["scoreAfter"]) for of in changes["changes"]
    ) == [
        *[("APPEARED", 0.0, 0.75)] * 3,
        *[("VANISHED", 0.75, 0.0)] * 2,
    ]
    compared = data["modelComparison"]
    assert (compared["a"]["version"], compared["b"]["version"]) == ("1", "blind")
    burnt, *others = compared["labels"]
    assert (burnt["label"], burnt["onlyA"], burnt["onlyB"]) == ("slash_burn", 4, 0)
    assert {(of["onlyA"], of["onlyB"]) for of in others} == {(0, 0)}
    assert compared["agreement"] == pytest.approx((16 + 5 / 9) / 17)
    assert [of["labelsOnlyA"] for of in compared["mostDifferent"][:5]] == [["slash_burn"]] * 4 + [
        []
    ]
