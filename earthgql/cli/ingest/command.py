"""``manage.py ingest``: the commands and their options; ``run`` does the work."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from earthgql.cli.console import say

if TYPE_CHECKING:
    from earthgql.ingest.raster.options import RasterOptions
    from earthgql.ingest.scene_source import SceneMetadata

Command = TypeVar("Command", bound=Callable[..., Any])
_SCHEMES = click.Choice(["xyz", "tms"])
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_TILE_SIZES = click.Choice(["auto", "256", "512", "1024", "2048", "4096"])


class _NotEmpty(click.ParamType[str]):
    """Text that is not empty: an empty argument is an unset variable of a shell."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text as it is."""
        if not value.strip():
            self.fail("it is empty (an unset variable?)", param, ctx)
        return value


_TEXT = _NotEmpty()


@click.group()
def ingest() -> None:
    """Read imagery into the catalog: one scene per raster, pyramid, MBTiles file or table.

    A scene goes in as a whole or not at all. Ingesting it again changes nothing, unless the source
    changed, or an option that shapes its tiles: then these are made anew and the scores of what
    changed are dropped. A date or an attribution that is given is noted, and costs no scores.
    Files are referred to, not copied: leave them where they are.

    \b
    Examples:
      python manage.py ingest raster field.tif
      python manage.py ingest raster scenes/ --min-valid 0.8 --dry-run
      python manage.py ingest pyramid tiles/ --scheme tms --name lakes
      python manage.py ingest mbtiles city.mbtiles
      python manage.py ingest table tiles.csv --root . --scheme tms
    """


def _common(command: Command) -> Command:
    """Add the options that all sources share."""
    options = (
        click.option(
            "--name", type=_TEXT, help="Name of the scene. [default: after the file or folder]"
        ),
        click.option(
            "--acquired-at",
            type=_TEXT,
            help="When it was taken, ISO 8601; UTC if no zone is given.",
        ),
        click.option("--attribution", type=_TEXT, help="Whom to credit."),
        click.option("--replace", is_flag=True, help="Ingest anew, dropping stored scores."),
        click.option("--dry-run", is_flag=True, help="Count the tiles, write nothing."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _tile_size(_ctx: click.Context, _param: click.Parameter, value: str) -> int | None:
    return None if value == "auto" else int(value)


_TILE_SIZE = click.option(
    "--tile-size",
    type=_TILE_SIZES,
    default="auto",
    show_default=True,
    callback=_tile_size,
    help="Pixels a side of a picture: one of 512 is four tiles of the next zoom; with 256, each is "
    "one tile, whatever its size. auto looks at the first pictures.",
)
_SHA256 = click.option(
    "--sha256", is_flag=True, help="Tell changes by content instead of by size and mtime."
)


def _zoom(_ctx: click.Context, _param: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not value.isdecimal() or int(value) > 24:
        raise click.BadParameter("give 'auto' or a zoom from 0 to 24")
    return int(value)


def _bands(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[int, ...]:
    if value is None:
        return ()
    parts = [part.strip() for part in value.split(",")]
    if len(parts) not in (1, 3) or not all(part.isdecimal() and int(part) for part in parts):
        raise click.BadParameter("give one band or three, counted from 1, such as 4,3,2")
    return tuple(map(int, parts))


@ingest.command()
@click.argument("paths", nargs=-1, required=True, type=_TEXT)
@_common
@click.option(
    "--zoom",
    default="auto",
    show_default=True,
    callback=_zoom,
    help="Zoom of the tiles; auto is the nearest to the native resolution.",
)
@click.option(
    "--min-valid",
    type=click.FloatRange(0, 1),
    help="Least share of pixels with data for a tile to count. "
    "[default: 0.5; the best tile's share if the scene is smaller than two tiles]",
)
@click.option(
    "--bands",
    callback=_bands,
    help="Bands as R,G,B, or one. [default: by colour interpretation, else the first three]",
)
@click.option(
    "--stretch",
    type=_TEXT,
    help="Values to 0..255: percentiles (2,98) or limits (0:3000, or a pair per band). "
    "[default: none for 8-bit, 2,98 otherwise]",
)
@click.option(
    "--nodata",
    type=_TEXT,
    help="Values without data (0 or 0,255), or none. [default: as the file says]",
)
@click.option(
    "--alpha",
    type=_TEXT,
    help="Band that is not 0 where there is data, or none: neither alpha nor a mask. "
    "[default: as the file says]",
)
@click.option(
    "--trim-collar", is_flag=True, help="Take pure black and white at the edges for no data."
)
@click.option(
    "--crs", type=_TEXT, help="CRS, such as EPSG:32633, of a file that has none, or a wrong one."
)
@click.option(
    "--rpc-height", type=float, help="Height in metres at which a file with RPCs is placed."
)
@click.option(
    "--acquired-from",
    type=click.Choice(["tags", "name"]),
    default="tags",
    show_default=True,
    help="Where the date is looked for.",
)
@click.option(
    "--acquired-pattern",
    type=_TEXT,
    help="How a name has it, such as '*_%Y%m%d'. [default: the first 20200518 or 2020-05-18]",
)
@click.option("--explain", is_flag=True, help="With --dry-run: print how a file is understood.")
@_SHA256
def raster(paths: tuple[str, ...], **options: Any) -> None:
    """Ingest GeoTIFF, COG or JPEG 2000 files, or folders of them; one scene each.

    Any CRS and type of value; nodata, alpha and masks are respected. What is decided about a file
    is printed by --dry-run --explain; docs/imagery.md says how.

    \b
    Examples:
      python manage.py ingest raster field.tif --acquired-at 2020-05-18
      python manage.py ingest raster scenes/ 'more/*.tif' --min-valid 0.8
      python manage.py ingest raster sentinel.tif --bands 4,3,2 --stretch 0:3000
      python manage.py ingest raster scan.tif --crs EPSG:32633 --nodata 0,255 --dry-run --explain
    """
    from earthgql.cli.ingest.run import run
    from earthgql.ingest.raster.source import RasterSource
    from earthgql.ingest.raster_files import raster_files

    if options["explain"] and not options["dry_run"]:
        raise click.UsageError("--explain goes with --dry-run")
    chosen = _raster_options(options)
    files = raster_files(_expand_globs(paths), say)
    if not files:
        raise click.UsageError(f"no .tif, .tiff, .jp2 or .j2k file in {', '.join(paths)}")
    _check_name(options["name"], len(files))
    sources = (
        RasterSource(options["name"] or name, str(file), str(root), chosen)
        for name, file, root in files
    )
    if options["explain"]:
        from earthgql.cli.ingest.explain import explain

        explain(sources)
    else:
        run(sources, options)


@ingest.command()
@click.argument("folder", type=_FOLDER)
@_common
@click.option(
    "--scheme",
    type=_SCHEMES,
    help="Whether y counts from the north (xyz) or from the south (tms). "
    "[default: xyz; tms if there is a tilemapresource.xml]",
)
@_TILE_SIZE
def pyramid(folder: Path, scheme: str | None, tile_size: int | None, **options: Any) -> None:
    """Ingest a folder of tiles z/x/y.png (or jpg, webp; y@2x.png, too) as one scene.

    A tilemapresource.xml in the folder, as gdal2tiles.py writes it, is believed.

    \b
    Examples:
      python manage.py ingest pyramid tiles/
      python manage.py ingest pyramid tiles/ --scheme tms --name lakes --attribution 'NASA'
    """
    from earthgql.cli.ingest.run import run
    from earthgql.ingest.picture_folder import PictureFolder
    from earthgql.ingest.pyramid_source import PyramidSource

    root = folder.resolve()
    source = PyramidSource(
        name=options["name"] or root.name,
        uri=str(root),
        chosen_scheme=scheme,
        pictures=PictureFolder(root),
        about=_scene_metadata(options),
        tile_size=tile_size,
    )
    run([source], options)


@ingest.command()
@click.argument("files", nargs=-1, required=True, type=_TEXT)
@_common
@click.option(
    "--scheme",
    type=_SCHEMES,
    help="Whether rows count from the south (tms, the standard) or from the north (xyz). "
    "[default: tms; xyz if the file's metadata says so]",
)
@_TILE_SIZE
@_SHA256
def mbtiles(
    files: tuple[str, ...], scheme: str | None, tile_size: int | None, **options: Any
) -> None:
    """Ingest MBTiles files of pictures; one scene each.

    \b
    Examples:
      python manage.py ingest mbtiles city.mbtiles
    """
    from earthgql.cli.ingest.run import run
    from earthgql.ingest.mbtiles_source import MBTilesSource
    from earthgql.ingest.raster_files import check_names_differ

    facts = _scene_metadata(options)
    found = _each_once(_expand_globs(files))
    _check_name(options["name"], len(found))
    check_names_differ((file.stem, file) for file in found)
    run(
        (
            MBTilesSource(
                options["name"] or file.stem,
                str(file),
                str(file.parent),
                facts,
                sha256=options["sha256"],
                chosen_scheme=scheme,
                tile_size=tile_size,
            )
            for file in found
        ),
        options,
    )


@ingest.command()
@click.argument("csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--root", type=_FOLDER, required=True, help="Folder that the paths start at.")
@_common
@click.option(
    "--scheme",
    type=_SCHEMES,
    default="tms",
    show_default=True,
    help="Whether y counts from the south (tms) or from the north (xyz).",
)
@_TILE_SIZE
def table(csv: Path, root: Path, scheme: str, tile_size: int | None, **options: Any) -> None:
    """Ingest the tiles that a CSV table lists (columns z_coord, x_coord, y_coord, path) as a scene.

    Commas, semicolons, tabs or bars may separate the fields. Pictures that do not exist (yet) are
    counted, and are no error: their tiles answer IMAGE_UNREADABLE.

    \b
    Examples:
      python manage.py ingest table tiles.csv --root ../satellite-classification-flask-api
    """
    from earthgql.cli.ingest.run import run
    from earthgql.ingest.picture_table import PictureTable
    from earthgql.ingest.pyramid_source import PyramidSource

    folder = root.resolve()
    source = PyramidSource(
        name=options["name"] or csv.stem,
        uri=str(folder),
        chosen_scheme=scheme,
        pictures=PictureTable(csv, folder),
        about=_scene_metadata(options),
        tile_size=tile_size,
    )
    run([source], options)


def _raster_options(options: dict[str, Any]) -> RasterOptions:
    from earthgql.ingest.raster.options import (
        RasterOptions,
        parse_alpha,
        parse_nodata,
        parse_stretch,
    )

    from_name = options["acquired_from"] == "name"
    if options["acquired_pattern"] is not None and not from_name:
        raise click.UsageError("--acquired-pattern goes with --acquired-from name")
    metadata = _scene_metadata(options)
    return RasterOptions(
        zoom=options["zoom"],
        min_valid=options["min_valid"],
        bands=options["bands"] or None,
        stretch=parse_stretch(options["stretch"]) if options["stretch"] else None,
        alpha=None if options["alpha"] is None else parse_alpha(options["alpha"]),
        nodata=None if options["nodata"] is None else parse_nodata(options["nodata"]),
        trim_collar=options["trim_collar"],
        crs=options["crs"],
        rpc_height=options["rpc_height"],
        acquired_at=metadata.acquired_at,
        acquired_from_name=from_name,
        acquired_pattern=options["acquired_pattern"],
        attribution=metadata.attribution,
        sha256=options["sha256"],
    )


def _scene_metadata(options: dict[str, Any]) -> SceneMetadata:
    from earthgql.ingest.scene_source import SceneMetadata, parse_date

    date = options["acquired_at"]
    return SceneMetadata(
        acquired_at=parse_date(date) if date else None, attribution=options["attribution"]
    )


def _expand_globs(patterns: Iterable[str]) -> list[str]:
    """Replace glob patterns that the shell has left by the files they match."""
    found: list[str] = []
    for pattern in patterns:
        if glob.has_magic(pattern) and not Path(pattern).exists():
            found += sorted(glob.glob(pattern, recursive=True)) or [pattern]  # noqa: PTH207
        else:
            found.append(pattern)
    return found


def _each_once(paths: Iterable[str]) -> list[Path]:
    """Return the real paths of files, each once."""
    from earthgql.ingest.raster_files import same_file_note

    found: list[Path] = []
    for path in paths:
        real = Path(path).resolve()
        if real in found:
            say(same_file_note(path, real))
        else:
            found.append(real)
    return found


def _check_name(name: str | None, sources: int) -> None:
    if name is not None and sources != 1:
        raise click.UsageError(f"--name names one scene, but there are {sources} sources")
