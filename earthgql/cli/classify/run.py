"""Compute and store the scores of many tiles, chunk by chunk; print progress and a summary."""

import math
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import click
from rich.markup import escape
from sqlalchemy import Engine

from earthgql.catalog.label_tiles.sums import Renewal
from earthgql.catalog.scores import ScoreRecord
from earthgql.catalog.tiles.unscored import TileScope, count_scored, unscored
from earthgql.cli.console import Meter, err, out, progress, say, step
from earthgql.cli.server.background import bulk_scoring
from earthgql.database.engine import make_engine
from earthgql.database.prepare import prepare_database
from earthgql.jobs.outcomes import OutcomeCounts
from earthgql.models import load_classifier
from earthgql.scoring.service import Answer, ScoringService
from earthgql.settings import load_settings

CHUNK = 64
"""Tiles looked up and stored together."""

AT_ONCE = 4
"""Chunks in progress at once, so that the model never waits for the next."""


def run(choice: TileScope) -> None:
    """Score the chosen tiles that have no scores and print a summary; exit code 1 if any failed.

    Raises:
        BadInputError: if the choice names a scene that does not exist.
        ModelUnavailableError: if there is no model.
    """
    settings = load_settings()
    prepare_database(settings, say)
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
        counts = fill(engine, service, choice, tiles - stored)
        seconds = time.monotonic() - began
        with step("Sum up labels for maps"):
            Renewal(engine, model, math.inf).renew_all()
    finally:
        service.close()
        engine.dispose()
    _print_summary(counts, stored, seconds)
    if counts.failed:
        raise click.exceptions.Exit(1)


def fill(
    engine: Engine, service: ScoringService, choice: TileScope, expected: int
) -> OutcomeCounts:
    """Score the chosen tiles that have no scores, some chunks at a time.

    Args:
        engine: of the database of tiles and scores.
        service: scores the tiles; closed when interrupted.
        choice: which tiles.
        expected: how many have no scores, for the progress bar.
    """
    counts = OutcomeCounts()
    with progress("Classify", expected) as meter, ThreadPoolExecutor(AT_ONCE) as pool:
        running: set[Future[dict[int, Answer]]] = set()
        try:
            for ids in _chunks(engine, service.model.id, choice):
                running.add(pool.submit(service.classify_tiles, ids, must_store=True))
                if len(running) >= AT_ONCE:
                    running = _collect(running, counts, meter)
            while running:
                running = _collect(running, counts, meter)
        except BaseException:
            # Tiles still queued are dropped; chunks that finish are stored by their own threads.
            service.close()
            _wait_for_running(running, counts)
            raise
    return counts


def _collect(
    running: set[Future[dict[int, Answer]]], counts: OutcomeCounts, meter: Meter
) -> set[Future[dict[int, Answer]]]:
    """Wait until at least one chunk is done, count those done, and return the others."""
    done, left = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        answers = future.result()
        counts.add(answers)
        meter(len(answers))
    return left


def _wait_for_running(running: set[Future[dict[int, Answer]]], counts: OutcomeCounts) -> None:
    wait(running)
    for future in running:
        if not future.cancelled() and future.exception() is None:
            counts.done += sum(isinstance(a, ScoreRecord) for a in future.result().values())
    err.print(f"{counts.done:,} tiles were stored; the same command continues", markup=False)


def _chunks(engine: Engine, model_id: int, choice: TileScope) -> Iterator[Sequence[int]]:
    """Yield ids of tiles without scores, a chunk at a time; each tile once, failing ones too."""
    after = 0
    while True:
        with engine.connect() as conn:
            ids = unscored(conn, model_id, choice, after=after, limit=CHUNK)
        if not ids:
            return
        yield ids
        after = ids[-1]


def _print_summary(counts: OutcomeCounts, stored: int, seconds: float) -> None:
    failed = sum(counts.failed.values())
    done = counts.done
    rate = f", {done / seconds:.1f} tiles/s" if done else ""
    out.print(
        f"{done:,} done, {stored:,} already there, {failed:,} failed ({seconds:.1f} s{rate})",
        markup=False,
    )
    for code, tiles in counts.failed.most_common():
        err.print(f"[red]{escape(code)}[/]: {tiles:,}")
    for example in counts.examples:
        err.print(f"  {example}", markup=False)
    if failed > len(counts.examples):
        err.print(f"  … and {failed - len(counts.examples):,} more", markup=False)
