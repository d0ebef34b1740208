"""What one request did: told in its answer where that is asked for, and looked at by caches.

Nothing of this runs for requests that are neither timed nor GET.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, Engine, event

from earthgql.api.loaders import Loaders, StoredKey
from earthgql.catalog.scores import ScoreRecord
from earthgql.scoring.service import Answer, ScoringService


@dataclass(slots=True)
class Watch:
    """What a request did.

    Attributes:
        began: ``time.perf_counter()`` seconds.
        parse_s: seconds for parsing the document and weighing it.
        reads: statements that resolvers had the database answer, but for look-ups of scores.
        database_s: seconds for these and their rows.
        scoring_s: seconds for scores: looking them up, and waiting for the model.
        scored: tiles whose scores were asked for.
        inferred: how many of them were inferred meanwhile.
        failed: how many tiles have no scores, of whichever model, and may have some later.
        live: whether something that goes on was looked at, such as a job.
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
        """Whether nothing but what is stored, and stays, decided on the answer."""
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


class WatchedLoaders(Loaders):
    """Loaders that note what they read."""

    def __init__(
        self, engine: Engine, scoring: ScoringService, deadline: float, watch: Watch
    ) -> None:
        """Make fresh loaders; see the base class."""
        super().__init__(engine, scoring, deadline)
        self._watch = watch

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for one read."""
        began = time.perf_counter()
        with super().connection() as connection:
            event.listen(connection, "before_cursor_execute", self._note)
            yield connection
        self._watch.database_s += time.perf_counter() - began

    def note_live(self) -> None:
        """Note that the answer tells of what goes on, and is not to be kept."""
        self._watch.live = True

    async def _stored(self, keys: list[StoredKey]) -> list[ScoreRecord | BaseException]:
        # A viewport tells of these beside its scores, as no error of the answer.
        answers = await super()._stored(keys)
        self._watch.failed += sum(not isinstance(answer, ScoreRecord) for answer in answers)
        return answers

    def _note(self, *_statement: object) -> None:
        self._watch.reads += 1


class _WatchedScoring:
    """A scoring service that notes what it was asked for."""

    def __init__(self, scoring: ScoringService, watch: Watch) -> None:
        self._scoring = scoring
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scoring, name)

    def classify_tiles(
        self, tile_ids: Sequence[int], *, deadline: float | None = None
    ) -> dict[int, Answer]:
        began, now = time.perf_counter(), datetime.now(UTC)
        answers = self._scoring.classify_tiles(tile_ids, deadline=deadline)
        self._watch.scoring_s += time.perf_counter() - began
        self._watch.scored += len(answers)
        found = [answer for answer in answers.values() if isinstance(answer, ScoreRecord)]
        self._watch.inferred += sum(record.computed_at >= now for record in found)
        self._watch.failed += len(answers) - len(found)
        return answers


def watched(scoring: ScoringService, watch: Watch) -> ScoringService:
    """Return a scoring service that does the same, and notes it."""
    return cast(ScoringService, _WatchedScoring(scoring, watch))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
