"""Output of all commands: two consoles, the progress bar, and lines that name a step."""

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

out = Console(highlight=False, soft_wrap=True)
"""Results, on standard output."""

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Steps, progress and errors, on standard error."""


def say(line: str) -> None:
    """Print a plain line on standard error."""
    err.print(line, markup=False)


_QUIET_INTERVAL_S = 10.0


class _Rate(ProgressColumn):
    """Units per second of the task so far."""

    def render(self, task: Task) -> Text:
        return Text(_rate(task.finished_speed or task.speed), style="progress.data.speed")


class Meter:
    """Counts finished units and shows them; called with the number just finished."""

    def __init__(self, description: str, total: int | None, bar: Progress | None) -> None:
        self.description = description
        self.total = total
        self.done = 0
        self._bar = bar
        self._task = bar.add_task(description, total=total) if bar else None
        self._began = self._printed_at = time.monotonic()

    def __call__(self, count: int = 1) -> None:
        """Add ``count`` finished units."""
        self.done += count
        if self._bar and self._task is not None:
            self._bar.advance(self._task, count)
        elif time.monotonic() - self._printed_at >= _QUIET_INTERVAL_S:
            self.print_line()

    def print_line(self) -> None:
        """Print the count so far as one plain line."""
        self._printed_at = time.monotonic()
        elapsed = self._printed_at - self._began
        of = f"/{self.total:,}" if self.total is not None else ""
        rate = _rate(self.done / elapsed if elapsed else None)
        err.print(f"{self.description}: {self.done:,}{of}  {rate}  {elapsed:.1f} s", markup=False)


@contextmanager
def progress(description: str, total: int | None = None) -> Generator[Meter, None, None]:
    """Show a bar with count, rate and time left while the block runs.

    On a terminal the bar moves; elsewhere (a pipe, CI) one line comes every 10 s and at the end.

    Args:
        description: what is done, such as ``"Ingest lake.tif"``.
        total: units expected in all; None when unknown.

    Yields:
        A ``Meter``: call it with the number of units just finished.
    """
    if not err.is_terminal:
        meter = Meter(description, total, None)
        yield meter
        meter.print_line()
        return
    columns = (
        TextColumn("[progress.description]{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=err) as bar:
        yield Meter(description, total, bar)


@contextmanager
def step(description: str) -> Generator[None, None, None]:
    """Print on standard error what is done in the block, and at its end how long it took."""
    began = time.monotonic()
    description = escape(description)
    err.print(f"[cyan]·[/] {description} …")
    yield
    err.print(f"[green]✓[/] {description} [dim]({time.monotonic() - began:.1f} s)[/]")


def _rate(speed: float | None) -> str:
    if not speed:
        return "-/s"
    return f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.2f}/s"
