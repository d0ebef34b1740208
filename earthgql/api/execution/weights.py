"""How much the fields of a document answer at most: what its limits count."""

from collections.abc import Mapping
from typing import NamedTuple

from graphql import FieldNode, IntValueNode, VariableNode

from earthgql.api.paging.connections import (
    DEFAULT_DIFFERENCES,
    DEFAULT_FIRST,
    DEFAULT_VIEWPORT,
    LARGEST_DIFFERENCES,
    LARGEST_FIRST,
    LARGEST_VIEWPORT,
)
from earthgql.catalog.analysis.timeline import MOST_PERIODS


class _List(NamedTuple):
    """How long a list is: which arguments say it, and how many if none does, or by a variable."""

    arguments: tuple[str, ...]
    default: int
    by_variable: int
    largest: int


_PAGE = _List(("first", "last"), DEFAULT_FIRST, LARGEST_FIRST, LARGEST_FIRST)
# Of the model that comes with earthgql; others have about as many.
_LABELS = 20
_LISTS = {
    "tilesInBounds": _PAGE,
    "scenes": _PAGE,
    "models": _PAGE,
    "jobs": _PAGE,
    "scores": _List(("top",), _LABELS, _LABELS, LARGEST_FIRST),
    "labels": _List((), _LABELS, _LABELS, _LABELS),
    "periods": _List((), MOST_PERIODS, MOST_PERIODS, MOST_PERIODS),
}
# What a field is worth that is a list, or text of some length, without a selection of its own.
_LEAVES = {"footprint": 10, "labels": 10, "thresholds": 10, "labelsOnlyA": 5, "labelsOnlyB": 5}
# Whole columns: so much for each item that the field around them, one of `_BOUNDED`, may have.
_EACH = {"ids": 1, "z": 1, "x": 1, "y": 1, "rows": 1, "scores": 4}
# Lists as long as the field around them says, one of `_BOUNDED`.
_ROWS = frozenset({"changes", "mostDifferent"})
_DIFFERENCES = _List(("first",), DEFAULT_DIFFERENCES, LARGEST_DIFFERENCES, LARGEST_DIFFERENCES)
_COLUMNS = _List(("first", "last"), DEFAULT_VIEWPORT, LARGEST_VIEWPORT, LARGEST_VIEWPORT)
_BOUNDED = {
    "viewport": _COLUMNS,
    "labelChanges": _DIFFERENCES,
    "modelComparison": _DIFFERENCES,
}
# What looks at all tiles of an area counts as much as the columns of a viewport do.
_ANALYSIS = frozenset({"labelHistogram", "labelTimeline", "labelChanges", "modelComparison"})


# Each may have the database look at all tiles of an area, however little of it is answered.
AREAS = frozenset(
    {"tilesInBounds", "viewport", "classifyArea", "totalCount", "tilesTotal", *_ANALYSIS}
)


class Weight(NamedTuple):
    """How much a part of a document asks, with its fragments unfolded.

    Attributes:
        depth: levels of fields.
        values: fields in the answer, lists counted at the length asked for.
        aliases: fields given another name.
        areas: fields that look at a whole area, or count one.
        each: values for each item of a list that a field further out says the length of.
    """

    depth: int = 0
    values: int = 0
    aliases: int = 0
    areas: int = 0
    each: int = 0


def values_of(field: FieldNode, inner: Weight) -> tuple[int, int]:
    """Return ``values`` and ``each`` of a field's weight, given that of its selection."""
    name = field.name.value
    if field.selection_set is None:
        return _LEAVES.get(name, 1), _EACH.get(name, 0)
    values = (inner.values + 1) * _length(field, _LISTS)
    if name in _ROWS:
        return 0, values
    if name not in _BOUNDED and name not in _ANALYSIS:
        return values, inner.each
    if name in _ANALYSIS:
        values += LARGEST_VIEWPORT
    return values + max(inner.each, 1) * _length(field, _BOUNDED), 0


def _length(field: FieldNode, lists: Mapping[str, _List]) -> int:
    """Return how many items a field answers at most: 1 if it is none of the lists."""
    known = lists.get(field.name.value)
    if known is None:
        return 1
    for given in field.arguments or ():
        if given.name.value in known.arguments:
            if isinstance(given.value, IntValueNode):
                return min(max(int(given.value.value[:9]), 1), known.largest)
            if isinstance(given.value, VariableNode):
                return known.by_variable
    return known.default
