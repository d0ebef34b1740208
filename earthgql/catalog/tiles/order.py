"""The order of a list of tiles, and a position in it from which a page goes on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class TileOrder:
    """The order of a list of tiles; among equals, that of their ids, the same way round.

    Attributes:
        by: the id; when the scene was acquired, unknown before all others; or a label's score,
            which leaves out tiles without scores of ``TileFilter.model_id``.
        descending: from the largest down.
        column: place of the label in the model's scores, counted from 1.
    """

    by: Literal["id", "acquired", "label"] = "id"
    descending: bool = False
    column: int | None = None


BY_ID = TileOrder()


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an ordered list: that of a tile, there or not.

    Attributes:
        id: of the tile.
        key: what it is ordered by, if not by id: a score, or a time (None: unknown).
    """

    id: int
    key: float | datetime | None = None
