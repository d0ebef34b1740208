"""What is told of a tile, under the same names in every format."""

from datetime import UTC, datetime
from typing import Any

from earthgql.catalog.cutoffs import counted
from earthgql.catalog.tiles.export import ExportRow
from earthgql.exports.selection import Selection
from earthgql.imagery import grid

SCORE = "score_"
"""Before the name of a label, the column of its score."""


class Columns:
    """The columns of an export.

    Attributes:
        model: name and version of the model whose scores are given.
        labels: of that model.
        scores: the columns of their scores, in the same order.
    """

    def __init__(self, selection: Selection) -> None:
        """Make the columns of a selection."""
        identity = selection.model.identity
        self.model = f"{identity.name} {identity.version}"
        self.labels = identity.labels
        self.scores = tuple(SCORE + label for label in identity.labels)
        self._cutoffs = selection.cutoffs

    def of(self, row: ExportRow) -> dict[str, Any]:
        """Return a tile by column, as JSON has it; what depends on scores is None without them."""
        z, x, y = row.index
        scores = row.scores or (None,) * len(self.scores)
        return {
            "id": row.id,
            "scene": row.scene,
            "acquired_at": _iso(row.acquired_at),
            "z": z,
            "x": x,
            "y": y,
            "quadkey": grid.quadkey(row.index),
            "area_km2": row.area_m2 / 1e6,
            "model": self.model,
            "classified_at": _iso(row.computed_at),
            "labels": self.listed(row),
            **dict(zip(self.scores, scores, strict=True)),
        }

    def listed(self, row: ExportRow) -> list[str] | None:
        """Name the labels whose score reaches the cutoff, highest score first."""
        if row.scores is None:
            return None
        return [label for label, *_ in counted(self.labels, row.scores, self._cutoffs)]


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
