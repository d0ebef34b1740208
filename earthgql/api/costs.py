"""Costs of fields, declared with each field: what the limits of documents add up.

Every field of the schema that answers a list, or columns, declares its cost in its metadata:
``strawberry.field(metadata=cost(items=...))``. ``execution/weights.py`` adds it up.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import FieldNode, IntValueNode, VariableNode

KEY = "earthgql.cost"


@dataclass(frozen=True, slots=True)
class Length:
    """How many items a list has at most.

    Attributes:
        default: without an argument.
        arguments: names of the arguments that set it.
        largest: the highest value of an argument; 0: ``default``.
        by_variable: if a variable sets it, whose value is not read; 0: ``largest``.
    """

    default: int
    arguments: tuple[str, ...] = ()
    largest: int = 0
    by_variable: int = 0

    def of(self, field: FieldNode) -> int:
        """Return how many items a field of a document asks for at most."""
        for argument in field.arguments or ():
            if argument.name.value in self.arguments:
                if isinstance(argument.value, IntValueNode):
                    return min(max(int(argument.value.value[:9]), 1), self._largest)
                if isinstance(argument.value, VariableNode):
                    return self.by_variable or self._largest
        return self.default

    @property
    def _largest(self) -> int:
        return self.largest or self.default


@dataclass(frozen=True, slots=True)
class Cost:
    """The most that a field answers.

    Attributes:
        values: of a field without a selection: more than 1 for lists and long text.
        items: how often the selection counts, for a list or a connection.
        rows: number of rows that inner fields return as columns or lists.
        per_row: values for each of these rows; with a selection, times the values of that.
        base: values that are read even if few are answered.
        area: whether the database may read all tiles of an area.
    """

    values: int = 1
    items: Length | None = None
    rows: Length | None = None
    per_row: int = 0
    base: int = 0
    area: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether it says how long a list is."""
        return self.values > 1 or self.items is not None or self.per_row > 0


def cost(
    *,
    values: int = 1,
    items: Length | None = None,
    rows: Length | None = None,
    per_row: int = 0,
    base: int = 0,
    area: bool = False,
) -> Mapping[str, Cost]:
    """Return the metadata of a field; see ``Cost``."""
    return {KEY: Cost(values, items, rows, per_row, base, area)}


COUNTED_OUTSIDE = Length(1)
"""Of the items of a connection, which the field that answers the connection counts."""

LABELS = Length(20)
"""Labels of the model that comes with earthgql; others have about as many."""

ERROR_CODES = Length(8)
"""Kinds of errors that keep tiles from being classified."""

NAMES = 10
"""Values that a list of numbers or of labels' names counts as, and a geometry."""
