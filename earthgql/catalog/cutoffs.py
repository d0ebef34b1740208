"""Cutoffs: the scores from which labels count."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Strict

from earthgql.catalog.models import label_column
from earthgql.errors import BadInputError, shortened
from earthgql.models.protocol import ModelIdentity

# More than scores have, and few enough to hide that differences are binary.
_DECIMALS = 10

MOST_TERMS = 64
"""Most conditions on labels of one kind, and most cutoffs of single labels, in a query."""

CutoffsByLabel = dict[str, Annotated[float, Strict()]]
"""Cutoffs by label in JSON; only numbers are accepted."""


def cutoffs_of(
    identity: ModelIdentity, cutoff: float | None, by_label: Mapping[str, float] | None = None
) -> tuple[float, ...]:
    """Return the cutoff of each label of a model, in the order of its labels.

    Args:
        identity: of the model.
        cutoff: of all labels; None: each label's threshold that the model came with.
        by_label: of some labels, which counts before ``cutoff``.

    Raises:
        BadInputError: if a cutoff is not between 0 and 1, a label is not the model's, or there are
            more cutoffs than ``MOST_TERMS``.
    """
    if by_label is not None and len(by_label) > MOST_TERMS:
        raise BadInputError(f"cutoffs may name {MOST_TERMS} labels, not {len(by_label)}")
    if cutoff is None:
        cutoffs = list(identity.thresholds)
    else:
        cutoffs = [valid_score("cutoff", cutoff)] * len(identity.labels)
    for label, own in (by_label or {}).items():
        place = label_column(identity, label) - 1
        cutoffs[place] = valid_score(f"cutoff of {label}", own)
    return tuple(cutoffs)


def valid_score(name: str, score: float) -> float:
    """Return a score.

    Raises:
        BadInputError: if it is not between 0 and 1.
    """
    if math.isnan(score) or not 0 <= score <= 1:
        raise BadInputError(f"{name} must be between 0 and 1, not {score}")
    return float(score)


def parse_cutoffs(text: str) -> Any:
    """Read cutoffs by label from JSON text; their types are not checked.

    Raises:
        BadInputError: if a name is repeated; JSON parsers would take the last.
        ValueError: if it is no JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=_once_each)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    by_name: dict[str, object] = {}
    for name, value in pairs:
        if name in by_name:
            raise BadInputError(f"cutoffs gives {shortened(name)} twice")
        by_name[name] = value
    return by_name


def labels_at_cutoffs(
    labels: Sequence[str], scores: Sequence[float], cutoffs: Sequence[float]
) -> list[tuple[str, float, float]]:
    """Return the labels whose score reaches the cutoff: label, score, cutoff; highest score first.

    Args:
        labels: of a model; equal scores stay in their order.
        scores: one per label.
        cutoffs: one per label.
    """
    entries = [entry for entry in zip(labels, scores, cutoffs, strict=True) if entry[1] >= entry[2]]
    return sorted(entries, key=lambda entry: -entry[1])


def margin(score: float, cutoff: float) -> float:
    """Return how far a score is above a cutoff, without digits that neither of them has."""
    return round(score - cutoff, _DECIMALS)
