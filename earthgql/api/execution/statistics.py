"""Statistics of a request: for ``extensions.timing``, and to decide what caches may keep.

Only requests with timing and GET requests are counted.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, event

from earthgql.api.loaders import Loaders, Scoring, StoredKey
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.scores import ScoreRecord
from earthgql.scoring.service import Answer


@dataclass(slots=True)
class RequestStatistics:
    """Statistics of a request.

    Attributes:
        began: ``time.perf_counter()`` seconds.
        parse_s: seconds for parsing the document and weighing it.
        reads: statements of resolvers, without look-ups of scores.
        database_s: seconds for these and their rows.
        scoring_s: seconds for scores: looking them up, and waiting for the model.
        scored: tiles whose scores were looked up or computed.
        inferred: how many of them were inferred meanwhile.
        failed: how many tiles have no scores, of whichever model, and may have some later.
        live: whether the answer is about something that changes by itself, such as a job.
    """

    began: float = field(default_factory=time.perf_counter)
    parse_s: float = 0.0
    reads: int = 0
    database_s: float = 0.0
    scoring_s: float = 0.0
    scored: int = 0
    inferred: int = 0
    failed: int = 0
    live: bool = False

    @property
    def only_stored(self) -> bool:
        """Whether the answer is made of stored values only, which do not change by themselves."""
        return not (self.inferred or self.failed or self.live)

    def as_json(self) -> dict[str, Any]:
        """Return what ``extensions.timing`` answers; times in milliseconds."""
        return {
            "totalMs": _ms(time.perf_counter() - self.began),
            "parseMs": _ms(self.parse_s),
            "databaseMs": _ms(self.database_s),
            "databaseReads": self.reads,
            "scoresMs": _ms(self.scoring_s),
            "tilesScored": self.scored,
            "tilesInferred": self.inferred,
        }


class CountingLoaders(Loaders):
    """Loaders that count what they read."""

    def __init__(
        self, engine: Engine, scoring: Scoring, deadline: float, statistics: RequestStatistics
    ) -> None:
        """Make fresh loaders; see the base class."""
        super().__init__(engine, scoring, deadline)
        self._statistics = statistics

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for one read."""
        began = time.perf_counter()
        with super().connection() as connection:
            event.listen(connection, "before_cursor_execute", self._note)
            yield connection
        self._statistics.database_s += time.perf_counter() - began

    def note_live(self) -> None:
        """Note that the answer changes by itself, so that no cache may keep it."""
        self._statistics.live = True

    async def _stored(self, keys: list[StoredKey]) -> list[ScoreRecord | BaseException]:
        # A viewport lists these in its `errors`; they are no errors of the whole answer.
        answers = await super()._stored(keys)
        self._statistics.failed += sum(not isinstance(answer, ScoreRecord) for answer in answers)
        return answers

    def _note(self, *_statement: object) -> None:
        self._statistics.reads += 1


class CountingScoring:
    """A scoring service that counts its calls; see ``loaders.Scoring``."""

    def __init__(self, scoring: Scoring, statistics: RequestStatistics) -> None:
        """Wrap a scoring service."""
        self._scoring = scoring
        self._statistics = statistics

    @property
    def model(self) -> ModelRecord:
        """The model that this server runs."""
        return self._scoring.model

    def classify_tiles(
        self, tile_ids: Sequence[int], *, deadline: float | None = None
    ) -> dict[int, Answer]:
        """Return for each tile its scores, or the error."""
        statistics = self._statistics
        began, now = time.perf_counter(), datetime.now(UTC)
        answers = self._scoring.classify_tiles(tile_ids, deadline=deadline)
        statistics.scoring_s += time.perf_counter() - began
        statistics.scored += len(answers)
        found = [answer for answer in answers.values() if isinstance(answer, ScoreRecord)]
        statistics.inferred += sum(record.computed_at >= now for record in found)
        statistics.failed += len(answers) - len(found)
        return answers


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
