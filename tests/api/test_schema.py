"""The schema: described throughout, and the same as the committed copy."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from earthgql.api.schema import schema, sdl
from earthgql.cli import run
from earthgql.settings import PROJECT_ROOT


def own_types() -> list[GraphQLNamedType]:
    types = schema()._schema.type_map.values()
    return [t for t in types if not t.name.startswith("__") and not is_specified_scalar_type(t)]


@pytest.mark.parametrize("of", own_types(), ids=lambda t: t.name)
def test_everything_is_described(of: GraphQLNamedType) -> None:
    assert of.description
    if isinstance(of, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in of.fields.items():
            assert field.description, name
            for argument, definition in field.args.items():
                assert definition.description, f"{name}({argument})"
    if isinstance(of, GraphQLInputObjectType):
        for name, inner in of.fields.items():
            assert inner.description, name


def test_committed_copy_is_up_to_date() -> None:
    written = (PROJECT_ROOT / "schema.graphql").read_text()
    assert written == sdl(), "run: python manage.py schema export"


def test_check_finds_a_stale_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "schema.graphql"
    assert run(["schema", "export", "--file", str(copy)]) == 0
    assert run(["schema", "check", "--file", str(copy)]) == 0
    copy.write_text(copy.read_text().replace("classifyPoint", "labelPoint"))
    capsys.readouterr()
    assert run(["schema", "check", "--file", str(copy)]) == 1
    printed = capsys.readouterr()
    assert "+  classifyPoint(" in printed.out
    assert "schema export" in printed.err


def test_a_copy_that_cannot_be_written_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schema", "export", "--file", str(tmp_path / "none" / "schema.graphql")]) == 2
    assert f"there is no folder {tmp_path / 'none'}" in capsys.readouterr().err


def test_check_of_another_file(tmp_path: Path) -> None:
    other = tmp_path / "other.graphql"
    other.write_bytes(b"\xff\xfe")
    assert run(["schema", "check", "--file", str(other)]) == 1


def test_check_without_a_copy(tmp_path: Path) -> None:
    assert run(["schema", "check", "--file", str(tmp_path / "none.graphql")]) == 1
