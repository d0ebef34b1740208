"""``manage.py schema``: the committed copy of the GraphQL schema."""

import difflib
from pathlib import Path

import click

from earthgql.cli.console import out
from earthgql.errors import SetupError
from earthgql.settings import PROJECT_ROOT

SCHEMA_FILE = PROJECT_ROOT / "schema.graphql"


@click.group()
def schema() -> None:
    """Write schema.graphql, or check that it is up to date.

    \b
    Examples:
      python manage.py schema export
      python manage.py schema check
    """


_file = click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=SCHEMA_FILE,
    help="The file (default: schema.graphql of the project).",
)


@schema.command()
@_file
def export(path: Path) -> None:
    """Write the schema.

    \b
    Examples:
      python manage.py schema export
      python manage.py schema export --file /tmp/schema.graphql
    """
    from earthgql.api.schema import sdl
    from earthgql.files import whole_file

    with whole_file(path) as file:
        file.write(sdl().encode())
    out.print(f"Wrote {path}", markup=False)


@schema.command()
@_file
def check(path: Path) -> None:
    """Compare the file with the schema; exit with 1 and show the difference if it is stale.

    \b
    Examples:
      python manage.py schema check
    """
    from earthgql.api.schema import sdl

    written = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    difference = difflib.unified_diff(
        written.splitlines(), sdl().splitlines(), str(path), "the code's schema", lineterm=""
    )
    lines = list(difference)
    if lines:
        out.print("\n".join(lines), markup=False)
        raise SetupError(f"{path.name} is stale: run python manage.py schema export")
    out.print(f"{path.name} is up to date", markup=False)
