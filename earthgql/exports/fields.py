"""The fields of an exported tile, which have the same names in every format."""

from datetime import UTC, datetime
from typing import Any

from earthgql.catalog.cutoffs import labels_at_cutoffs
from earthgql.catalog.tiles.export import ExportRow
from earthgql.exports.request import ResolvedRequest
from earthgql.imagery import grid

_SCORE_PREFIX = "score_"


class ExportFields:
    """The fields of an export; those of scores depend on the model.

    Attributes:
        model: name and version of the model whose scores are exported.
        labels: of that model.
        scores: names of the fields of their scores, in the same order.
    """

    def __init__(self, request: ResolvedRequest) -> None:
        """Make the fields of a request."""
        identity = request.model.identity
        self.model = f"{identity.name} {identity.version}"
        self.labels = identity.labels
        self.scores = tuple(_SCORE_PREFIX + label for label in identity.labels)
        self._cutoffs = request.cutoffs

    def values(self, row: ExportRow) -> dict[str, Any]:
        """Return the values of a tile by field, as in JSON; None where there are no scores."""
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
            "labels": self._labels(row),
            **dict(zip(self.scores, scores, strict=True)),
            "domain_distance": row.domain_distance,
        }

    def _labels(self, row: ExportRow) -> list[str] | None:
        """Return the labels whose score is at or above the cutoff, highest score first."""
        if row.scores is None:
            return None
        return [label for label, *_ in labels_at_cutoffs(self.labels, row.scores, self._cutoffs)]


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")
