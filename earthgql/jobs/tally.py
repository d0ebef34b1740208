"""Counts what came of many tiles."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from earthgql.catalog.scores import ScoreRecord
from earthgql.errors import EarthGQLError, ImageUnreadableError, NotFoundError
from earthgql.scoring.service import Answer

_EXAMPLES = 10
_FINAL = (ImageUnreadableError,)


@dataclass
class Tally:
    """What came of tiles.

    Attributes:
        done: number of those that have scores.
        gone: number of those deleted meanwhile, which are neither done nor failed.
        failed: how many have none, by code of the error.
        examples: the first of these, in words.
        first: the first error of each code.
        passing: number of those failed for which trying again may help.
    """

    done: int = 0
    gone: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    first: dict[str, EarthGQLError] = field(default_factory=dict)
    passing: int = 0

    @property
    def seen(self) -> int:
        """Number of all tiles counted so far."""
        return self.done + self.gone + self.failed.total()

    def add(self, answers: dict[int, Answer]) -> None:
        """Count the answers of ``classify_tiles``."""
        for tile_id, answer in answers.items():
            if isinstance(answer, ScoreRecord):
                self.done += 1
            elif isinstance(answer, NotFoundError):
                self.gone += 1
            else:
                self._add_failure(answer, f"tile {tile_id}: {answer}")

    def fail_all(self, tile_ids: Iterable[int], error: EarthGQLError) -> None:
        """Count tiles of which an error kept all from being tried."""
        for tile_id in tile_ids:
            self._add_failure(error, f"tile {tile_id}: {error}")

    def _add_failure(self, error: EarthGQLError, said: str) -> None:
        self.failed[error.code] += 1
        self.first.setdefault(error.code, error)
        self.passing += not isinstance(error, _FINAL)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(said)
