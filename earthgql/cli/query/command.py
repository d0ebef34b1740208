"""``manage.py query``: run a GraphQL document in this process, without a server."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from earthgql.errors import BadInputError

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from earthgql.settings import Settings

# No other client waits, so inference may take as long as it needs.
_DEADLINE_S = 24 * 3600.0
_BASE_URL = "http://127.0.0.1:8000/"


@click.command()
@click.argument("document", required=False)
@click.option("-f", "--file", type=click.File(encoding="utf-8"), help="Read it from a file (-).")
@click.option("-v", "--variable", "pairs", multiple=True, help="NAME=VALUE, the value in JSON.")
@click.option("--variables", help="All variables, as a JSON object.")
@click.option("--operation", help="Which of several operations to run.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option("--map", "as_map", is_flag=True, help="Draw the tiles of the answer.")
@click.option("--picture", type=click.Path(path_type=Path), help="Draw them into a PNG file.")
def query(
    *,
    document: str | None,
    file: TextIO | None,
    pairs: tuple[str, ...],
    variables: str | None,
    operation: str | None,
    as_json: bool,
    as_map: bool,
    picture: Path | None,
) -> None:
    """Run a GraphQL query without a server, and print the answer as a table.

    For a map, select z, x and y (or quadkey) of tiles, and their labels: each tile is drawn in the
    colour of its rarest label. Exits with 1 if the answer has errors.

    \b
    Examples:
      python manage.py query "{ scenes { nodes { name tileCount acquiredAt } } }"
      python manage.py query 'query ($lat: Float!, $lon: Float!) {
        classifyPoint(lat: $lat, lon: $lon) { scores { label score } } }' -v lat=-3.1 -v lon=-54.9
      python manage.py query --json -f query.graphql --variables '{"zoom": 15}'
      python manage.py query --map "{ tilesInBounds(bounds: {west: -54.95, south: -3.1, east: -54.9,
        north: -3.06}) { nodes { z x y imageUrl classification { labels } } } }"
    """
    if (document is None) == (file is None):
        raise click.UsageError("give the query, or --file with it")
    if as_json and as_map:
        raise click.UsageError("choose --json or --map; with --json, --picture draws a map")
    request = {
        "query": _read(file) if file is not None else document,
        "variables": _variables(variables, pairs),
        "operationName": operation,
    }
    from earthgql.settings import load_settings

    _run(load_settings(), request, as_json=as_json, as_map=as_map, picture=picture)


def _read(file: TextIO) -> str:
    try:
        return file.read()
    except UnicodeDecodeError:
        raise BadInputError(f"{file.name} is no text in UTF-8") from None


def _run(
    settings: "Settings", request: Any, *, as_json: bool, as_map: bool, picture: Path | None
) -> None:
    from earthgql.app import create_app, services_of
    from earthgql.cli.console import say
    from earthgql.database.engine import make_engine
    from earthgql.database.prepare import prepare_database

    prepare_database(settings, say)
    engine = make_engine(settings, statement_timeout=0, autocommit=True)
    # Trusted documents restrict clients on the network, not this command.
    changes = {"inference_deadline": _DEADLINE_S, "trusted_documents": None, "trusted_only": False}
    app = create_app(settings.model_copy(update=changes), engine=engine)
    client = app.test_client()
    try:
        answer = client.post("/graphql", json=request, base_url=_BASE_URL).get_json()
        _show(answer, client, as_json=as_json, as_map=as_map, picture=picture)
    finally:
        services_of(app).scoring.close()
        engine.dispose()
    if answer.get("errors"):
        raise click.exceptions.Exit(1)


def _show(
    answer: dict[str, Any],
    client: "FlaskClient",
    *,
    as_json: bool,
    as_map: bool,
    picture: Path | None,
) -> None:
    from earthgql.cli.console import err, out

    errors = answer.get("errors", ())
    if not as_json:
        for error in errors:
            path = ".".join(map(str, error.get("path") or ()))
            err.print(f"{error['extensions']['code']} {path}: {error['message']}", style="red")
    data = answer.get("data") or {}
    # If an answer has errors only, they say already why there is nothing to draw.
    drawable = any(data.values()) or not errors
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    elif not as_map:
        from earthgql.cli.query.tables import print_tables

        failed = {error["path"][0] for error in errors if error.get("path")}
        shown = {k: v for k, v in data.items() if v is not None or k not in failed}
        print_tables(shown, out)
    elif drawable:
        from earthgql.cli.query.drawing import print_map

        print_map(data, out)
    if picture is not None and drawable:
        _draw(data, client, picture)
        err.print(f"Drew {picture}", markup=False)


def _draw(data: Any, client: "FlaskClient", path: Path) -> None:
    from earthgql.cli.query.drawing import draw_map
    from earthgql.files import whole_file

    def pixels(tile_id: int) -> bytes | None:
        response = client.get(f"/tiles/{tile_id}.png")
        return response.data if response.status_code == 200 else None

    image = draw_map(data, pixels)
    with whole_file(path) as file:
        image.save(file, "PNG")


def _variables(text: str | None, pairs: tuple[str, ...]) -> dict[str, Any]:
    """Return the variables.

    Raises:
        BadInputError: if they are not a JSON object, or a pair is not of the form NAME=VALUE.
    """
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"--variables is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadInputError("--variables must be a JSON object")
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadInputError(f"{pair[:60]!r} is not NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except (ValueError, RecursionError):
            found[name] = value  # text needs no quotes
    return found
