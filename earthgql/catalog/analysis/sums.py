"""Sums over tiles per label: how many have it, on how much ground, how sure the model is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import real_cutoff

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
            LEFT JOIN tile_score k ON k.tile_id = s.id AND k.model_id = :model
          OFFSET '0') w
  OFFSET '0'
)"""
_SUMS = """count(*), COALESCE(sum(m2), 0), count(scores),
       COALESCE(sum(m2) FILTER (WHERE scores IS NOT NULL), 0),
       ARRAY[{tiles}], ARRAY[{areas}], ARRAY[{scores}]"""
# The mean area and the mean score of the tiles with a label are one step of PostgreSQL's for each
# tile, where two sums are two.
_EACH = """{aggregate}(m2, CAST(s{k} AS float8)) FILTER (WHERE s{k} >= CAST(:least{k} AS real))"""


@dataclass(frozen=True, slots=True)
class LabelSum:
    """What tiles with a label add up to.

    Attributes:
        label: the label.
        cutoff: the least score that counts.
        tiles: how many tiles have it.
        area_m2: geodesic, of the ground that these tiles answer for within the area asked for.
        mean_score: of these tiles, to seven decimals; None if there are none.
    """

    label: str
    cutoff: float
    tiles: int
    area_m2: float
    mean_score: float | None


@dataclass(frozen=True, slots=True)
class Sums:
    """What some tiles add up to.

    Attributes:
        tiles: how many there are.
        covered_m2: geodesic area of the ground they answer for within the area asked for.
        tiles_classified: how many of them have scores.
        classified_m2: area of these.
        labels: one for each label of the model, in their order.
    """

    tiles: int
    covered_m2: float
    tiles_classified: int
    classified_m2: float
    labels: tuple[LabelSum, ...]


@lru_cache(maxsize=64)
def sums_sql(labels: int, shown: str = "shown") -> tuple[str, str]:
    """Return a common table expression and what to select of it, for ``read_sums``.

    Args:
        labels: how many the model has.
        shown: name of the expression that gives the tiles, as ``ground`` has it.

    Returns:
        The expression ``scored`` over these tiles, whose column ``state`` may be grouped by; and
        the columns.
    """
    places = range(1, labels + 1)

    def each(aggregate: str) -> str:
        return ", ".join(_EACH.format(aggregate=aggregate, k=k) for k in places)

    columns = "".join(f", w.scores[{k}] AS s{k}" for k in places)
    return (
        _SCORED.format(columns=columns, shown=shown),
        _SUMS.format(tiles=each("regr_count"), areas=each("regr_avgy"), scores=each("regr_avgx")),
    )


def sums_values(model: ModelRecord, cutoffs: Sequence[float]) -> dict[str, Any]:
    """Return the parameters of ``sums_sql``."""
    least = {f"least{k}": real_cutoff(cutoff) for k, cutoff in enumerate(cutoffs, start=1)}
    return {"model": model.id, **least}


def read_sums(model: ModelRecord, cutoffs: Sequence[float], row: Sequence[Any]) -> Sums:
    """Read what a statement with ``sums_sql`` answers."""
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
