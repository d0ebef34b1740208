"""What label tiles say of scores, in SQL; the only place here that reads them.

Sums are of millionths of a score, whole numbers as ``float8``: exact up to 2^53, so that they do
not depend on the order of tiles.
"""

from collections.abc import Callable, Iterable

from earthgql.catalog.label_tiles.boundaries import real_boundaries
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import as_real

_UNIT = 1_000_000

SCORED = """LEFT JOIN LATERAL (
      SELECT scores FROM tile_score
       WHERE tile_id = p.id AND model_id = :model AND cardinality(scores) = :labels
       LIMIT 1) k ON true"""
"""What joins the scores of tiles ``p``."""


EDGES = """edges AS MATERIALIZED (
  SELECT CAST(:boundaries AS real[]) AS boundaries, CAST(:thresholds AS real[]) AS thresholds,
         CAST(:millionths AS float8[]) AS millionths
)"""
"""The boundaries and thresholds: mentioned once, since they are long."""


def score(column: int) -> str:
    """The score of a label as ``real``; its place is counted from 1."""
    return f"scores[{column}]"


def reached(column: int) -> str:
    """How many boundaries a score reaches."""
    return f"width_bucket({score(column)}, boundaries) AS n{column}"


def total(column: int) -> str:
    """The sum of some tiles' scores."""
    return f"CAST(COALESCE(sum(CAST({score(column)} * {_UNIT} AS int)), 0) AS float8) AS s{column}"


def over(column: int) -> str:
    """How many tiles reach the threshold; grouped by ``thresholds``."""
    return f"count(*) FILTER (WHERE {score(column)} >= thresholds[{column}]) AS o{column}"


def mean_reached(column: int) -> str:
    """How many boundaries the mean of scores reaches; null if there are none."""
    return f"width_bucket(s{column} / NULLIF(classified, 0), millionths) AS n{column}"


def share(column: int) -> str:
    """Whole percentage: 0 and 100 only of none and all; null if there are none."""
    over = f"o{column}"
    return (
        f"CASE WHEN classified = 0 THEN NULL WHEN {over} = 0 THEN 0 WHEN {over} = classified"
        f" THEN 100 ELSE greatest(1, least(99, CAST(round(100.0 * {over} / classified) AS int)))"
        f" END AS p{column}"
    )


def each_label(model: ModelRecord, *expressions: Callable[[int], str]) -> str:
    """Expressions of each label with a comma before each."""
    columns = range(1, len(model.identity.labels) + 1)
    return "".join(f", {make(column)}" for column in columns for make in expressions)


def values(model: ModelRecord) -> dict[str, object]:
    """The parameters of all these."""
    reals = real_boundaries(model.identity)
    return {
        "model": model.id,
        "labels": len(model.identity.labels),
        "boundaries": _array(reals),
        "millionths": _array([each * _UNIT for each in reals]),
        "thresholds": _array(as_real(model.identity.thresholds)),
    }


def _array(numbers: Iterable[float]) -> str:
    return f"{{{','.join(map(repr, numbers))}}}"
