"""``ingest raster --dry-run --explain``: print how files are understood, and why."""

from collections.abc import Iterable, Iterator

import click
from rich import box
from rich.markup import escape
from rich.table import Table

from earthgql.cli.console import err, out, say
from earthgql.errors import EarthGQLError, NoTilesError
from earthgql.imagery.guard import open_raster
from earthgql.imagery.raster.georeference import crs_name
from earthgql.ingest.raster.source import RasterSource


def explain(sources: Iterable[RasterSource]) -> None:
    """Print a table for each file; exit code 1 if one cannot be ingested."""
    failed = False
    for source in sources:
        try:
            _print(source)
        except EarthGQLError as error:
            err.print(f"[red]{escape(source.name)}[/]: ", end="")
            err.print(str(error), markup=False)
            failed = True
        for note in source.notes():
            say(f"{source.name}: {note}")
    if failed:
        raise click.exceptions.Exit(1)


def _print(source: RasterSource) -> None:
    table = Table("", source.name, box=box.SIMPLE_HEAD)
    for name, text in _rows(source):
        table.add_row(name, escape(text))
    out.print(table)


def _rows(source: RasterSource) -> Iterator[tuple[str, str]]:
    with open_raster(source.root, source.uri) as dataset:
        size = f"{dataset.width} x {dataset.height} pixels"
        driver = dataset.driver
        types = f"{dataset.count} of {', '.join(dict.fromkeys(dataset.dtypes))}"
    plan = source.plan
    rendering = plan.rendering
    bands = rendering.bands
    yield "Driver", f"{driver}, {size}"
    yield "CRS", crs_name(plan.place.crs)
    yield "Georeference", plan.place.origin
    yield "Bands", types
    indexes = bands.indexes
    if len(indexes) == 3 and not bands.space:
        shown = ", ".join(f"{c} {i}" for c, i in zip(("R", "G", "B"), indexes, strict=True))
    else:
        shown = ", ".join(map(str, indexes))
    yield "Shown", f"{shown} ({bands.reason})"
    alpha = rendering.validity.alpha
    yield "Alpha", f"band {alpha}" if alpha else "none"
    yield "Valid are", _validity(source)
    limits = rendering.limits
    pairs = "; ".join(f"{low:g} to {high:g}" for low, high in limits or ())
    yield "Stretch", f"{pairs} ({rendering.stretch})" if pairs else "none, values as they are"
    yield "Zoom", f"{plan.zoom} ({plan.zoom_reason})"
    date = plan.acquired_at.isoformat() if plan.acquired_at else "unknown"
    yield "Acquired", f"{date} ({plan.date_reason})"
    yield "Tiles", _tiles(source)


def _validity(source: RasterSource) -> str:
    validity = source.plan.rendering.validity
    return "all pixels" if str(validity) == "every pixel" else f"by {validity}"


def _tiles(source: RasterSource) -> str:
    try:
        taken = sum(len(chunk.x) for chunk in source.chunks())
    except NoTilesError as error:
        return f"none: {error}"
    shares = source.shares
    return (
        f"{taken:,} of {shares.any:,} with any data; at least {shares.minimum:.1%} full, "
        f"the best {shares.best:.1%}"
    )
