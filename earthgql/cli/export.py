"""``manage.py export``: tiles and their scores as GeoJSON, CSV or GeoParquet."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earthgql.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from earthgql.catalog.models import ModelRecord
    from earthgql.settings import Settings

ENDINGS = ("geojson", "csv", "parquet")
_STANDARD_OUTPUT = "-"


@click.command()
@click.argument("file")
@click.option(
    "--format",
    "ending",
    type=click.Choice(ENDINGS),
    help="Kind of file (default: by the ending of its name).",
)
@click.option("--bounds", help="Only tiles in WEST,SOUTH,EAST,NORTH, in degrees; longitudes wrap.")
@click.option("--polygon", help="Only tiles that share area with it: GeoJSON, or a file of it.")
@click.option("--where", help="Conditions as GraphQL's where, in JSON.")
@click.option("--scene", help="Only tiles of the scene of this name.")
@click.option("--zoom", type=click.IntRange(0, 24), help="Only tiles of this zoom.")
@click.option("--at", help="The map at this time: scenes acquired later are left out.")
@click.option("--model", help='Whose scores: "NAME VERSION", or either (default: that in use).')
@click.option("--cutoff", help="Score from which a label is listed (default: the thresholds).")
@click.option("--cutoffs", help='The same for some labels, in JSON: {"road": 0.3}.')
def export(file: str, ending: str | None, **options: str | int | None) -> None:
    """Write the tiles that the map shows, with the scores that are stored, to FILE.

    FILE ends in .geojson, .csv or .parquet (GeoParquet), or is - for standard output. It gets its
    name when it is complete; until then a file of that name stays. Nothing is classified: see
    `classify` for that.

    \b
    Examples:
      python manage.py export tiles.parquet
      python manage.py export lakes.geojson --scene lakes --cutoff 0.5
      python manage.py export roads.csv --where '{"labels": {"any": [{"label": "road"}]}}'
      python manage.py export park.geojson --polygon park-outline.json --at 2024-08-01
      python manage.py export - --format csv | head
    """
    ending = ending or Path(file).suffix.lower().removeprefix(".")
    if ending not in ENDINGS:
        raise click.UsageError(f"say which kind of file: --format {'|'.join(ENDINGS)}")
    from earthgql.exports.request import parse_request

    chosen: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if "polygon" in chosen:
        chosen["polygon"] = _read_geometry(chosen["polygon"])
    form = parse_request(chosen, texts=True)

    from contextlib import closing

    from earthgql.cli.console import progress, say
    from earthgql.database.engine import make_engine
    from earthgql.database.prepare import prepare_database
    from earthgql.exports.stream import FORMATS
    from earthgql.exports.stream import export as pieces_of
    from earthgql.settings import load_settings

    settings = load_settings()
    prepare_database(settings, say)
    engine = make_engine(settings, statement_timeout=0)
    try:
        write, find = FORMATS[ending].write, _model_lookup(settings, engine)
        with progress("Export") as meter:
            with closing(pieces_of(engine, form, find, write, meter)) as pieces:
                _save(file, pieces)
            tiles = meter.done
    finally:
        engine.dispose()
    if file != _STANDARD_OUTPUT:
        say(f"Wrote {file}: {tiles:,} tiles")


def _save(file: str, pieces: Any) -> None:
    if file == _STANDARD_OUTPUT:
        with click.open_file(file, "wb") as output:
            output.writelines(pieces)
        return
    from earthgql.files import whole_file

    with whole_file(Path(file)) as output:
        output.writelines(pieces)


def _read_geometry(text: str) -> Any:
    """Return the geometry of GeoJSON text or of a GeoJSON file: bare, or in its only feature.

    Raises:
        BadInputError: if there is no such file, or it is no JSON.
    """
    import json

    try:
        content = text if text.lstrip().startswith("{") else Path(text).read_text(encoding="utf-8")
        found = json.loads(content)
    except OSError as error:
        raise BadInputError(f"{text[:200]} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"the polygon is not JSON: {error}") from None
    if isinstance(found, dict) and found.get("type") == "FeatureCollection":
        features = found.get("features")
        if not isinstance(features, list) or len(features) != 1:
            raise BadInputError("the polygon's file must have one feature")
        found = features[0]
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = found.get("geometry")
    return found


def _model_lookup(
    settings: "Settings", engine: "Engine"
) -> "Callable[[Connection, str | None], ModelRecord]":
    def find(conn: "Connection", name: str | None) -> "ModelRecord":
        from earthgql.catalog.models import model_named

        if name is not None:
            return model_named(conn, name)
        try:
            return model_named(conn, _model_in_use(settings))
        except NotFoundError:
            # Nothing was classified here so far.
            return _register_model(settings, engine)

    return find


def _register_model(settings: "Settings", engine: "Engine") -> "ModelRecord":
    """Load the model and register it, as a server does at its first request."""
    from earthgql.models import load_classifier
    from earthgql.scoring.service import ScoringService

    return ScoringService(engine, lambda: load_classifier(settings)).model


def _model_in_use(settings: "Settings") -> str:
    """Return "NAME VERSION" of the model of these settings, without loading it."""
    from earthgql.models.bundle import read_manifest
    from earthgql.models.engines.openvino.networks import INT8_SUFFIX
    from earthgql.models.loading import chosen_folder

    manifest = read_manifest(chosen_folder(settings))
    quantised = INT8_SUFFIX if settings.precision == "int8" else ""
    return f"{manifest.name} {manifest.version}{quantised}"
