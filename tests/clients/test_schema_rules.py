"""The schema and the operation collection under the rules of other people's tools."""

import pytest
from support.client_programs import Programs

pytestmark = pytest.mark.clients


def test_graphql_eslint_finds_nothing(programs: Programs) -> None:
    programs.script("lint")


def test_graphql_schema_linter_finds_nothing(programs: Programs) -> None:
    programs.script("lint:schema")


def test_graphql_inspector_accepts_every_operation(programs: Programs) -> None:
    programs.script("validate")
