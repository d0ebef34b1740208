"""Apollo Client, urql, graphql-request and Relay, with types generated from the server."""

from pathlib import Path

import pytest
from support.client_programs import Programs

pytestmark = pytest.mark.clients


def test_graphql_code_generator_reads_the_server(generated: Path) -> None:
    assert {path.name for path in generated.iterdir()} == {
        "gql.ts",
        "graphql.ts",
        "index.ts",
        "schema.json",
    }
    assert "export type WhatIsHereQuery = " in (generated / "graphql.ts").read_text()


def test_relay_compiler_takes_the_schema(compiled: Path) -> None:
    assert {path.name.removesuffix(".graphql.ts") for path in compiled.iterdir()} == {
        "documents.json",
        "TileCardRefetchQuery",
        "TileCard_tile",
        "TilesInViewPageQuery",
        "TilesInViewQuery",
        "TilesInView_query",
    }


@pytest.mark.usefixtures("generated", "compiled")
def test_typescript_accepts_the_types(programs: Programs) -> None:
    programs.script("check")


@pytest.mark.usefixtures("generated")
@pytest.mark.parametrize("client", ["apollo", "urql", "graphql-request"])
def test_client(programs: Programs, client: str) -> None:
    programs.script("test", f"{client}.test")


def test_relay_by_its_trusted_documents(trusting: Programs) -> None:
    trusting.script("test", "relay.test")
