"""What every command prints through: two consoles and one kind of progress bar."""

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

_QUIET_INTERVAL_S = 10.0


class _Rate(ProgressColumn):
    """Units per second of the task so far."""

    def render(self, task: Task) -> Text:
        return Text(_rate(task.finished_speed or task.speed), style="progress.data.speed")


class Meter:
    """A running count; call it with the number of units just done."""

    def __init__(self, description: str, total: int | None, bar: Progress | None) -> None:
        self.description = description
        self.total = total
        self.done = 0
        self._bar = bar
        self._task = bar.add_task(description, total=total) if bar else None
        self._began = self._told = time.monotonic()

    def __call__(self, count: int = 1) -> None:
        """Add ``count`` finished units."""
        self.done += count
        if self._bar and self._task is not None:
            self._bar.advance(self._task, count)
        elif time.monotonic() - self._told >= _QUIET_INTERVAL_S:
            self.tell()

    def expect(self, total: int) -> None:
        """Set the number of units in all, once it is known."""
        self.total = total
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=total)

    def tell(self) -> None:
        """Print one plain line of where the count stands."""
        self._told = time.monotonic()
        elapsed = self._told - self._began
        of = f"/{self.total:,}" if self.total is not None else ""
        rate = _rate(self.done / elapsed if elapsed else None)
        err.print(f"{self.description}: {self.done:,}{of}  {rate}  {elapsed:.1f} s", markup=False)


@contextmanager
def progress(description: str, total: int | None = None) -> Generator[Meter, None, None]:
    """Show a bar with count, rate and time left while the block runs.

    On a terminal the bar moves; elsewhere (a pipe, CI) one line comes every 10 s and at the end.

    Args:
        description: what is being counted, such as ``"Ingest lake.tif"``.
        total: units expected in all; None when unknown.

    Yields:
        A ``Meter``: call it with the number of units just finished.
    """
    if not err.is_terminal:
        meter = Meter(description, total, None)
        yield meter
        meter.tell()
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
    """Say on standard error what is being done, and after it how long that took."""
    began = time.monotonic()
    description = escape(description)
    err.print(f"[cyan]·[/] {description} …")
    yield
    err.print(f"[green]✓[/] {description} [dim]({time.monotonic() - began:.1f} s)[/]")


def _rate(speed: float | None) -> str:
    if not speed:
        return "-/s"
    return f"{speed:,.0f}/s" if speed >= 10 else f"{speed:.2f}/s"
