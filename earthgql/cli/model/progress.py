"""Progress of a training run: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from earthgql.cli.console import err

if TYPE_CHECKING:
    from earthgql.training.run.trainer import Event

_QUIET_INTERVAL_S = 20.0


@contextmanager
def training_progress(epochs: int) -> Generator[Callable[["Event"], None], None, None]:
    """Show loss, validation F2 and time left while the block runs.

    Args:
        epochs: of the whole run.

    Yields:
        What to call with every event.
    """
    if not err.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[state]}", markup=False),
    )
    with Progress(*columns, console=err) as bar:
        task = bar.add_task(f"Epoch 1/{epochs}", total=1.0, state="")

        def show(event: "Event") -> None:
            bar.update(
                task,
                completed=event.done,
                description=f"Epoch {event.epoch}/{event.epochs}",
                state=_state(event),
            )
            if event.report:
                bar.console.print(_epoch(event), markup=False)

        yield show


def _lines() -> Callable[["Event"], None]:
    printed_at = time.monotonic()

    def show(event: "Event") -> None:
        nonlocal printed_at
        if event.report:
            err.print(_epoch(event), markup=False)
        elif time.monotonic() - printed_at >= _QUIET_INTERVAL_S:
            printed_at = time.monotonic()
            where = f"epoch {event.epoch}/{event.epochs}, {event.done:.1%}"
            err.print(f"{where}, {_state(event)}", markup=False)

    return show


def _state(event: "Event") -> str:
    if event.seconds_left is None:
        return f"loss {event.loss:.4f}"
    minutes, seconds = divmod(round(event.seconds_left), 60)
    return f"loss {event.loss:.4f}, {minutes}:{seconds:02} left"


def _epoch(event: "Event") -> str:
    report = event.report
    known = [(ap, label) for label, ap in report["validation_ap"].items() if ap is not None]
    worst = min(known, default=(float("nan"), "-"))
    return (
        f"epoch {event.epoch}/{event.epochs} done: loss {event.loss:.4f}, validation F2"
        f" {report['validation_f2']:.4f}, lowest average precision {worst[0]:.3f} ({worst[1]}),"
        f" {report['size']} px, {report['seconds'] / 60:.1f} min"
    )
