"""Sums over tiles per label: how many have it, their area, and their mean score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import real_cutoff
from earthgql.catalog.sql import Fragment, compose

# Each score is taken out of its array once; `OFFSET '0'` keeps the planner from doing it for each
# sum. In quotes it is a bigint from the start: of a number that is yet to be made one, the planner
# does not see that it leaves nothing out, and would have one process do all that follows.
# Short arrays are stored without the usual header: joined with nothing they have it, and need not
# be copied for each score.
_SCORED = """scored AS (
  SELECT w.state, w.m2, w.scores{columns}
    FROM (SELECT s.state, s.m2,
                 CASE WHEN k.scores IS NOT NULL
                      THEN k.scores || CAST('{{}}' AS real[]) END AS scores
            FROM {shown} s
            LEFT JOIN tile_score k ON k.tile_id = s.id AND k.model_id = :sum_model
          OFFSET '0') w
  OFFSET '0'
)"""
_SUMS = """count(*), COALESCE(sum(m2), 0), count(scores),
       COALESCE(sum(m2) FILTER (WHERE scores IS NOT NULL), 0),
       ARRAY[{tiles}], ARRAY[{areas}], ARRAY[{scores}]"""
# The mean area and the mean score of the tiles with a label are one step of PostgreSQL's for each
# tile, where two sums are two.
_EACH = "{aggregate}(m2, CAST(s{k} AS float8)) FILTER (WHERE s{k} >= CAST(:cutoff{k} AS real))"


@dataclass(frozen=True, slots=True)
class LabelSum:
    """Sums over the tiles with a label.

    Attributes:
        label: the label.
        cutoff: the lowest score that counts.
        tiles: how many tiles have it.
        area_m2: geodesic, of what these tiles cover of the area.
        mean_score: of these tiles, to seven decimals; None if there are none.
    """

    label: str
    cutoff: float
    tiles: int
    area_m2: float
    mean_score: float | None


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over tiles.

    Attributes:
        tiles: how many there are.
        covered_m2: geodesic area of what they cover of the area.
        tiles_classified: how many of them have scores.
        classified_m2: area of these.
        labels: one for each label of the model, in their order.
    """

    tiles: int
    covered_m2: float
    tiles_classified: int
    classified_m2: float
    labels: tuple[LabelSum, ...]


def scored(model: ModelRecord, shown: str = "shown") -> Fragment:
    """Return the common table expression ``scored``, which ``sums`` are made of.

    Args:
        model: whose scores.
        shown: name of the expression that gives the tiles, as ``coverage`` does; its column
            ``state`` is one of ``scored``, too.
    """
    places = range(1, len(model.identity.labels) + 1)
    columns = "".join(f", w.scores[{k}] AS s{k}" for k in places)
    return compose(_SCORED, {"sum_model": model.id}, columns=columns, shown=shown)


def sums(cutoffs: Sequence[float]) -> Fragment:
    """Return what to select from ``scored``, for ``read_sums``.

    Args:
        cutoffs: one per label of the model: the lowest score that counts.
    """
    real = {k: real_cutoff(cutoff) for k, cutoff in enumerate(cutoffs, start=1)}

    def each(aggregate: str) -> str:
        return ", ".join(_EACH.format(aggregate=aggregate, k=k) for k in real)

    return compose(
        _SUMS,
        {f"cutoff{k}": cutoff for k, cutoff in real.items()},
        tiles=each("regr_count"),
        areas=each("regr_avgy"),
        scores=each("regr_avgx"),
    )


def read_sums(model: ModelRecord, cutoffs: Sequence[float], row: Sequence[Any]) -> Sums:
    """Read a row of what ``sums`` selects."""
    tiles, covered, classified, classified_m2, *columns = row
    of_labels = zip(model.identity.labels, cutoffs, *columns, strict=True)
    labels = [
        LabelSum(label, cutoff, count, count * (area or 0.0), _rounded(score))
        for label, cutoff, count, area, score in of_labels
    ]
    return Sums(tiles, covered, classified, classified_m2, tuple(labels))


def _rounded(mean: float | None) -> float | None:
    # What is stored as 0.7 is 0.69999999 in double precision: less than a cutoff of 0.7.
    return None if mean is None else round(mean, 7)
