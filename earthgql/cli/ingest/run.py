"""Ingest sources one after the other; print progress and a summary."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace as with_changes
from typing import Any

import click
from rich import box
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine

from earthgql.cli.console import err, out, progress, say
from earthgql.database.engine import make_engine
from earthgql.database.prepare import prepare_database
from earthgql.errors import DatabaseUnavailableError, EarthGQLError, NoTilesError
from earthgql.ingest.scene_source import SceneSource
from earthgql.ingest.store import IngestResult, dry_run, store
from earthgql.settings import load_settings


def run(sources: Iterable[SceneSource], options: dict[str, Any]) -> None:
    """Ingest one source after the other, print a summary; exit code 1 if one failed or had no tile.

    Args:
        sources: what to ingest.
        options: ``replace`` and ``dry_run`` of the command line.
    """
    engine = None if options["dry_run"] else _engine()
    try:
        with progress("Tiles looked at") as meter:
            outcomes = list(_outcomes(engine, sources, options["replace"], meter))
    finally:
        if engine is not None:
            engine.dispose()
    _print_summary(outcomes)
    if any(outcome.reason for outcome in outcomes):
        raise click.exceptions.Exit(1)


def _engine() -> Engine:
    settings = load_settings()
    prepare_database(settings, say)
    return make_engine(settings, statement_timeout=0)


def _outcomes(
    engine: Engine | None, sources: Iterable[SceneSource], replace: bool, meter: Callable[..., None]
) -> Iterator[IngestResult]:
    for source in sources:
        began = time.monotonic()
        try:
            if engine is None:
                outcome = dry_run(source, progress=meter)
            else:
                outcome = store(engine, source, replace=replace, progress=meter)
        except DatabaseUnavailableError:
            raise
        except EarthGQLError as error:
            err.print(f"[red]{escape(source.name)}[/]: ", end="")
            err.print(str(error), markup=False)
            status = "without tiles" if isinstance(error, NoTilesError) else "failed"
            outcome = IngestResult(source.name, status, reason=str(error))
        for note in source.notes():
            say(f"{source.name}: {note}")
        if outcome.same_file:
            names = ", ".join(outcome.same_file)
            say(f"{source.name}: warning: the same file is also scene {names}")
        yield with_changes(outcome, seconds=time.monotonic() - began)


def _print_summary(outcomes: list[IngestResult]) -> None:
    table = Table("Scene", "", "Zoom", "Tiles", "Seconds", box=box.SIMPLE_HEAD)
    for column in table.columns[2:]:
        column.justify = "right"
    for outcome in outcomes:
        zooms = ",".join(map(str, outcome.zooms))
        tiles = f"{outcome.tiles:,}" if outcome.zooms else ""
        seconds = f"{outcome.seconds:.1f}"
        table.add_row(escape(outcome.name), outcome.status, zooms, tiles, seconds)
    out.print(table)
    counts: dict[str, int] = {}
    for outcome in outcomes:
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
    summary = ", ".join(f"{count} {status}" for status, count in counts.items())
    out.print(f"{summary}; {sum(outcome.tiles for outcome in outcomes):,} tiles")
