"""Counts the outcomes of classifying many tiles."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from earthgql.catalog.scores import ScoreRecord
from earthgql.errors import EarthGQLError, ImageUnreadableError, NotFoundError
from earthgql.scoring.service import Answer

_MAX_EXAMPLES = 10
_PERMANENT = (ImageUnreadableError,)


@dataclass
class OutcomeCounts:
    """Counts of tiles by outcome.

    Attributes:
        done: tiles that have scores.
        deleted: tiles deleted meanwhile, which are neither done nor failed.
        failed: tiles that have no scores, by code of the error.
        examples: messages of the first failed tiles.
        first_errors: the first error of each code.
        retryable: failed tiles that may succeed when tried again.
    """

    done: int = 0
    deleted: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    first_errors: dict[str, EarthGQLError] = field(default_factory=dict)
    retryable: int = 0

    @property
    def total(self) -> int:
        """Number of all tiles counted so far."""
        return self.done + self.deleted + self.failed.total()

    def add(self, answers: dict[int, Answer]) -> None:
        """Count the answers of ``classify_tiles``."""
        for tile_id, answer in answers.items():
            if isinstance(answer, ScoreRecord):
                self.done += 1
            elif isinstance(answer, NotFoundError):
                self.deleted += 1
            else:
                self._add_failure(answer, f"tile {tile_id}: {answer}")

    def fail_all(self, tile_ids: Iterable[int], error: EarthGQLError) -> None:
        """Count tiles that were not tried because of an error."""
        for tile_id in tile_ids:
            self._add_failure(error, f"tile {tile_id}: {error}")

    def _add_failure(self, error: EarthGQLError, message: str) -> None:
        self.failed[error.code] += 1
        self.first_errors.setdefault(error.code, error)
        self.retryable += not isinstance(error, _PERMANENT)
        if len(self.examples) < _MAX_EXAMPLES:
            self.examples.append(message)
