"""Comparison of two models on an area."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from earthgql.catalog.analysis.coverage import coverage
from earthgql.catalog.analysis.query_area import query_area_m2
from earthgql.catalog.analysis.work_estimate import estimate_work
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import real_cutoff
from earthgql.catalog.sql import Fragment, compose, execute
from earthgql.catalog.tiles.filter import TileFilter
from earthgql.errors import BadInputError
from earthgql.imagery.grid import Bounds

_COMPARISON = """
WITH {shown},
pair AS MATERIALIZED (
  SELECT s.id, s.m2, a.scores AS a, b.scores AS b{columns}
    FROM shown s
    LEFT JOIN tile_score a ON a.tile_id = s.id AND a.model_id = :model_a
    LEFT JOIN tile_score b ON b.tile_id = s.id AND b.model_id = :model_b
   WHERE a.scores IS NOT NULL OR b.scores IS NOT NULL
),
both_known AS (
  SELECT * FROM pair WHERE a IS NOT NULL AND b IS NOT NULL
)
SELECT count(*), COALESCE(sum(m2), 0),
       (SELECT count(*) FROM pair WHERE b IS NULL), (SELECT count(*) FROM pair WHERE a IS NULL),
       ARRAY[{both}]::bigint[], ARRAY[{only_a}]::bigint[], ARRAY[{only_b}]::bigint[],
       ARRAY[{rise}]::float8[], ARRAY[{distance}]::float8[],
       (SELECT json_agg(json_build_array(id, distance, a, b))
          FROM (SELECT id, a, b, ({each_distance}) / {labels} AS distance
                  FROM both_known ORDER BY distance DESC, id LIMIT :first) most)
  FROM both_known
"""
_HAS_A = "a{k} >= CAST(:cutoff_a{k} AS real)"
_HAS_B = "b{k} >= CAST(:cutoff_b{k} AS real)"
_RISE = "CAST(b{k} AS float8) - CAST(a{k} AS float8)"


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """How far two models agree on a label, over the tiles that both have classified.

    Attributes:
        label: the label.
        cutoff_a: the lowest score of the first model that counts.
        cutoff_b: of the second model.
        both: tiles that have the label by both.
        only_a: by the first alone.
        only_b: by the second alone.
        neither: by neither.
        mean_difference: mean of second score less first; None if there is no tile.
        mean_distance: mean absolute difference; None if there is no tile.
    """

    label: str
    cutoff_a: float
    cutoff_b: float
    both: int
    only_a: int
    only_b: int
    neither: int
    mean_difference: float | None
    mean_distance: float | None


@dataclass(frozen=True, slots=True)
class TileDifference:
    """How far two models differ on a tile.

    Attributes:
        tile_id: row of the tile.
        distance: mean absolute difference of their scores, over the labels that both have.
        only_a: labels it has by the first model alone.
        only_b: labels it has by the second model alone.
    """

    tile_id: int
    distance: float
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two models agree on an area.

    Attributes:
        area_m2: geodesic size of the area, with tiles or without.
        tiles: tiles that both have classified; the other fields are about these.
        compared_m2: geodesic area that these cover of the area.
        tiles_only_a: tiles that the first alone has classified.
        tiles_only_b: tiles that the second alone has classified.
        labels: those that both models have, in the order of the first.
        most_different: the tiles on which they differ most, these first.
    """

    area_m2: float
    tiles: int
    compared_m2: float
    tiles_only_a: int
    tiles_only_b: int
    labels: tuple[LabelAgreement, ...]
    most_different: tuple[TileDifference, ...]


@dataclass(frozen=True, slots=True)
class _Common:
    """A label of both models: its places in their scores, from 1, and its cutoffs."""

    label: str
    a: int
    b: int
    cutoff_a: float
    cutoff_b: float


def compare_models(
    conn: Connection,
    parts: Sequence[Bounds],
    where: TileFilter,
    models: tuple[ModelRecord, ModelRecord],
    cutoffs: tuple[Sequence[float], Sequence[float]],
    *,
    first: int,
) -> Comparison:
    """Compare the labels of two models on the tiles of an area, by stored scores.

    Two statements, whatever the number of tiles; a third where they may be too many.

    Args:
        conn: to the database.
        parts: the area as ``grid.bounds`` gives it, or ``where.within.parts``.
        where: the filter.
        models: the two.
        cutoffs: for each model one per label: the lowest score that counts.
        first: at most so many tiles in the list.

    Raises:
        AreaTooLargeError: if there are too many tiles to look at.
        BadInputError: if ``where`` names a scene that does not exist, or the models have no label
            in common.
    """
    common = _common(models, cutoffs)
    estimate = estimate_work(conn, parts, where)
    statement = compose(
        _COMPARISON,
        {"first": first, "model_a": models[0].id, "model_b": models[1].id},
        shown=coverage(parts, where, estimate),
        **_columns(common),
    )
    tiles, compared, only_a, only_b, *sums, found = execute(conn, statement).one()
    return Comparison(
        query_area_m2(parts, where.within),
        tiles,
        compared,
        only_a,
        only_b,
        tuple(
            _agreement(label, tiles, (both, only_a, only_b), rise, distance)
            for label, both, only_a, only_b, rise, distance in zip(common, *sums, strict=True)
        ),
        tuple(_difference(common, *each) for each in found or ()),
    )


def _common(
    models: tuple[ModelRecord, ModelRecord], cutoffs: tuple[Sequence[float], Sequence[float]]
) -> list[_Common]:
    one, other = (model.identity.labels for model in models)
    places = {label: place for place, label in enumerate(other)}
    common = [
        _Common(label, a + 1, places[label] + 1, cutoffs[0][a], cutoffs[1][places[label]])
        for a, label in enumerate(one)
        if label in places
    ]
    if not common:
        raise BadInputError("the two models have no label in common: there is nothing to compare")
    return common


def _columns(common: Sequence[_Common]) -> dict[str, Fragment | str]:
    """The parts of the statement that depend on which labels the models have."""
    places = range(len(common))
    cutoffs = {f"cutoff_a{k}": real_cutoff(label.cutoff_a) for k, label in enumerate(common)}
    cutoffs |= {f"cutoff_b{k}": real_cutoff(label.cutoff_b) for k, label in enumerate(common)}

    def each(text: str, separator: str = ", ") -> str:
        return separator.join(text.format(k=k) for k in places)

    def counts(condition: str) -> Fragment:
        return Fragment(each(f"count(*) FILTER (WHERE {condition})"), cutoffs)

    scores = (
        f", a.scores[{of.a}] AS a{k}, b.scores[{of.b}] AS b{k}" for k, of in enumerate(common)
    )
    return {
        "columns": "".join(scores),
        "both": counts(f"{_HAS_A} AND {_HAS_B}"),
        "only_a": counts(f"{_HAS_A} AND NOT {_HAS_B}"),
        "only_b": counts(f"{_HAS_B} AND NOT {_HAS_A}"),
        "rise": each(f"sum({_RISE})"),
        "distance": each(f"sum(abs({_RISE}))"),
        "each_distance": each(f"abs({_RISE})", " + "),
        "labels": str(len(common)),
    }


def _agreement(
    label: _Common, tiles: int, counts: tuple[int, int, int], rise: Any, distance: Any
) -> LabelAgreement:
    both, only_a, only_b = counts
    return LabelAgreement(
        label.label,
        label.cutoff_a,
        label.cutoff_b,
        both,
        only_a,
        only_b,
        tiles - both - only_a - only_b,
        rise / tiles if tiles else None,
        distance / tiles if tiles else None,
    )


def _difference(
    common: Sequence[_Common], tile_id: int, distance: float, a: list[float], b: list[float]
) -> TileDifference:
    has = [
        (label.label, a[label.a - 1] >= label.cutoff_a, b[label.b - 1] >= label.cutoff_b)
        for label in common
    ]
    return TileDifference(
        tile_id,
        distance,
        tuple(label for label, by_a, by_b in has if by_a and not by_b),
        tuple(label for label, by_a, by_b in has if by_b and not by_a),
    )
