"""Draws what ``bench warm`` measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_COLOURS = {
    "columns": "#0b6e99",
    "classifyPoint": "#0b6e99",
    "objects": "#6a3d9a",
    "floor": "#7f7f7f",
    "bare Strawberry": "#d98880",
    "tipg": "#e08b27",
}


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Draw three curves: tiles in the viewport, tiles in the table, clients at once."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout="constrained")
    FigureCanvasAgg(figure)
    viewport, table, clients = figure.subplots(1, 3)
    _curves(viewport, result["tiles_in_viewport"], "median_ms")
    viewport.set(
        title="A viewport over HTTP", xlabel="tiles in it", ylabel="ms, median", yscale="log"
    )
    sizes = {
        name: {size: row["median_ms"] for size, row in rows.items()}
        for name, rows in result["tiles_in_table"].items()
        if not name.startswith("ratios")
    }
    for name, row in sizes.items():
        table.plot([int(size) for size in row], list(row.values()), marker="o", label=name)
    table.set(title="Look-ups in the database", xlabel="tiles in the table", ylabel="ms, median")
    _curves(clients, result["concurrent_clients"], "per_second")
    clients.set(title="A point over HTTP", xlabel="clients at once", ylabel="answers a second")
    for axes in (viewport, table, clients):
        axes.set_xscale("log")
        axes.set_ylim(bottom=None if axes is viewport else 0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)


def _curves(axes: Any, rows: Mapping[Any, Mapping[str, Mapping[str, float]]], what: str) -> None:
    names = dict.fromkeys(name for row in rows.values() for name in row)
    for name in names:
        points = [(int(x), row[name][what]) for x, row in rows.items() if name in row]
        axes.plot(*zip(*points, strict=True), marker="o", label=name, color=_COLOURS.get(name))
