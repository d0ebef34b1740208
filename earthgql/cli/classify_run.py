"""Classifies many tiles, chunk by chunk, with progress, and a summary at the end."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import click
from rich.markup import escape
from sqlalchemy import Engine

from earthgql.catalog.scores import ScoreRecord
from earthgql.catalog.tiles.unscored import Choice, count_scored, unscored
from earthgql.cli.console import Meter, err, out, progress, step
from earthgql.cli.server.hooks import bulk_scoring
from earthgql.cli.server.serve import prepare_database
from earthgql.database.engine import make_engine
from earthgql.jobs.tally import Tally
from earthgql.models import load_classifier
from earthgql.scoring.service import Answer, ScoringService
from earthgql.settings import load_settings

CHUNK = 64
"""Tiles looked up and stored together."""

AT_ONCE = 4
"""Chunks under way together, so that one is always being inferred."""


def run(choice: Choice) -> None:
    """Score the chosen tiles that have no scores, then sum up; exit code 1 if any failed.

    Raises:
        BadInputError: if the choice names a scene that does not exist.
        ModelUnavailableError: if there is no model.
    """
    settings = load_settings()
    prepare_database(settings)
    engine = make_engine(settings, statement_timeout=0)
    service = bulk_scoring(engine, lambda: load_classifier(settings))
    try:
        with step("Load the model"):
            model = service.model
        with engine.connect() as conn:
            tiles, stored = count_scored(conn, model.id, choice)
        identity = model.identity
        out.print(
            f"{identity.name} {identity.version}: {tiles:,} tiles, {stored:,} stored already",
            markup=False,
        )
        began = time.monotonic()
        tally = fill(engine, service, choice, tiles - stored)
    finally:
        service.close()
        engine.dispose()
    _sum_up(tally, stored, time.monotonic() - began)
    if tally.failed:
        raise click.exceptions.Exit(1)


def fill(engine: Engine, service: ScoringService, choice: Choice, expected: int) -> Tally:
    """Score the chosen tiles that have no scores, some chunks at a time.

    Args:
        engine: on the database of tiles and scores.
        service: what scores them; closed when interrupted.
        choice: which tiles.
        expected: how many have no scores, for the progress bar.
    """
    tally = Tally()
    with progress("Classify", expected) as meter, ThreadPoolExecutor(AT_ONCE) as pool:
        under_way: set[Future[dict[int, Answer]]] = set()
        try:
            for ids in _chunks(engine, service.model.id, choice):
                under_way.add(pool.submit(service.classify_tiles, ids, must_store=True))
                if len(under_way) >= AT_ONCE:
                    under_way = _collect(under_way, tally, meter)
            while under_way:
                under_way = _collect(under_way, tally, meter)
        except BaseException:
            # Drops what waits; what is done is stored by those who wait for it.
            service.close()
            _leave(under_way, tally)
            raise
    return tally


def _collect(
    under_way: set[Future[dict[int, Answer]]], tally: Tally, meter: Meter
) -> set[Future[dict[int, Answer]]]:
    """Count the chunks that are done, waiting for one at least, and return the others."""
    done, left = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        answers = future.result()
        tally.add(answers)
        meter(len(answers))
    return left


def _leave(under_way: set[Future[dict[int, Answer]]], tally: Tally) -> None:
    wait(under_way)
    for future in under_way:
        if not future.cancelled() and future.exception() is None:
            tally.done += sum(isinstance(a, ScoreRecord) for a in future.result().values())
    err.print(f"{tally.done:,} tiles were stored; the same command continues", markup=False)


def _chunks(engine: Engine, model_id: int, choice: Choice) -> Iterator[Sequence[int]]:
    """Yield ids of tiles without scores, some at a time; those that fail are met once."""
    after = 0
    while True:
        with engine.connect() as conn:
            ids = unscored(conn, model_id, choice, after=after, limit=CHUNK)
        if not ids:
            return
        yield ids
        after = ids[-1]


def _sum_up(tally: Tally, stored: int, seconds: float) -> None:
    failed = sum(tally.failed.values())
    rate = f", {tally.done / seconds:.1f} tiles/s" if tally.done else ""
    out.print(
        f"{tally.done:,} done, {stored:,} already there, {failed:,} failed ({seconds:.1f} s{rate})",
        markup=False,
    )
    for code, count in tally.failed.most_common():
        err.print(f"[red]{escape(code)}[/]: {count:,}")
    for example in tally.examples:
        err.print(f"  {example}", markup=False)
    if failed > len(tally.examples):
        err.print(f"  … and {failed - len(tally.examples):,} more", markup=False)
