"""Stored scores, else infer, then store: the one place that knows database, pixels and model."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from earthgql.catalog.models import ModelRecord, register_model
from earthgql.catalog.reals import as_real
from earthgql.catalog.scores import ScoreRecord, find_scores, insert_scores
from earthgql.classifiers.protocol import Classifier, Pixels, Scores
from earthgql.errors import (
    DeadlineError,
    EarthGQLError,
    ImageUnreadableError,
    ModelUnavailableError,
    NotFoundError,
)
from earthgql.tiles import imagery
from earthgql.tiles.imagery import TileSource

Answer = ScoreRecord | EarthGQLError

_log = logging.getLogger(__name__)
_READERS = 4
# Of the time left, what reading pixels may take: the model must get to some of them, or asking
# again would never get further.
_READING_SHARE = 0.4


class ScoringService:
    """Scores tiles with one model; made once per application, used by all its threads."""

    def __init__(
        self, engine: Engine, load: Callable[[], Classifier], deadline_s: float = 25.0
    ) -> None:
        """Remember how to get at database and model; neither is touched yet.

        Args:
            engine: on the database of tiles and scores.
            load: loads the model; called once, when it is first needed.
            deadline_s: seconds a call of ``classify_tiles`` may take when it is not told.
        """
        self._engine = engine
        self._load = load
        self._deadline_s = deadline_s
        self._loading = threading.Lock()
        self._classifier: Classifier | None = None
        self._model: ModelRecord | None = None

    @property
    def classifier(self) -> Classifier:
        """The model, loaded when first asked for.

        Raises:
            ModelUnavailableError: if it cannot be loaded.
        """
        if self._classifier is None:
            with self._loading:
                if self._classifier is None:
                    self._classifier = self._load()
        return self._classifier

    @property
    def model(self) -> ModelRecord:
        """The model as registered in the database, which is done when first asked for.

        Raises:
            ModelUnavailableError: if it cannot be loaded, or the database knows another model by
                its name and version.
        """
        if self._model is None:
            identity = self.classifier.identity
            with self._loading:
                if self._model is None:
                    with self._engine.begin() as conn:
                        self._model = ModelRecord(register_model(conn, identity), identity)
        return self._model

    def classify_tiles(
        self, tile_ids: Sequence[int], *, deadline: float | None = None
    ) -> dict[int, Answer]:
        """Answer for each tile: its scores, or why there are none.

        Takes one statement when all scores are kept, else two and one submission to the classifier.
        No database connection is held while pixels are read or the model runs.

        Args:
            tile_ids: any tiles, in any order.
            deadline: ``time.monotonic()`` seconds at which to stop; none: that of the service.

        Returns:
            By tile id a ``ScoreRecord``, or as a value, not raised: ``NotFoundError``,
            ``ImageUnreadableError``, or ``DeadlineError`` for what was not done in time (what was
            is kept, so that asking again continues).

        Raises:
            ModelUnavailableError: if there is no model, or its scores are not numbers.
        """
        if not tile_ids:
            return {}
        if deadline is None:
            deadline = time.monotonic() + self._deadline_s
        model = self.model
        ids = list(dict.fromkeys(tile_ids))
        with self._engine.connect() as conn:
            found = find_scores(conn, ids, model.id)
        answers: dict[int, Answer] = {
            tile_id: NotFoundError(f"there is no tile {tile_id}")
            for tile_id in ids
            if tile_id not in found.stored and tile_id not in found.sources
        }
        answers |= found.stored
        if found.sources:
            order = [tile_id for tile_id in ids if tile_id in found.sources]
            answers |= self._infer(model, {i: found.sources[i] for i in order}, deadline)
        return answers

    def _infer(
        self, model: ModelRecord, sources: Mapping[int, TileSource], deadline: float
    ) -> dict[int, Answer]:
        """Read, classify and store tiles that have no scores."""
        began = time.monotonic()
        enough = began + _READING_SHARE * (deadline - began)
        pictures, answers = _read_all(sources, enough, deadline)
        ids = list(pictures)
        if ids and time.monotonic() < deadline:
            pixels = np.stack([pictures.pop(tile_id) for tile_id in ids])
            scores = self.classifier.classify(pixels, deadline=deadline)
            records = _records(ids, scores, model)
            self._store(model, records, sources)
            answers |= {record.tile_id: record for record in records}
        late = [tile_id for tile_id in sources if tile_id not in answers]
        return answers | {tile_id: _too_late(len(sources) - len(late)) for tile_id in late}

    def _store(
        self, model: ModelRecord, records: Sequence[ScoreRecord], sources: Mapping[int, TileSource]
    ) -> None:
        try:
            with self._engine.begin() as conn:
                insert_scores(conn, model.id, records, sources)
        except IntegrityError:
            # The tables were emptied under a running server, and the model's row with them.
            self._model = None
            with self._engine.begin() as conn:
                insert_scores(conn, self.model.id, records, sources)


def _records(ids: Sequence[int], scores: Scores, model: ModelRecord) -> list[ScoreRecord]:
    labels = len(model.identity.labels)
    if scores.ndim != 2 or scores.shape[1] != labels or len(scores) > len(ids):
        raise ModelUnavailableError(
            f"model {model.identity.name} answered with shape {list(scores.shape)},"
            f" expected up to [{len(ids)}, {labels}]"
        )
    # Written so that NaN, which compares false with everything, is wrong too.
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ModelUnavailableError(
            f"model {model.identity.name} {model.identity.version} gave scores that are not"
            " numbers between 0 and 1; nothing was stored: check it with manage.py model verify"
        )
    now = datetime.now(UTC)
    return [
        ScoreRecord(tile_id, as_real(row), now) for tile_id, row in zip(ids, scores, strict=False)
    ]


def _read_all(
    sources: Mapping[int, TileSource], enough: float, deadline: float
) -> tuple[dict[int, Pixels], dict[int, Answer]]:
    """Read pictures until there has been time enough, and until the deadline for a first one.

    Returns:
        Pixels by tile id, and the errors of pictures that cannot be read; tiles in neither were
        not reached.
    """
    pictures: dict[int, Pixels] = {}
    errors: dict[int, Answer] = {}
    pool = ThreadPoolExecutor(min(_READERS, len(sources)), thread_name_prefix="tile-reader")
    try:
        reading = {
            tile_id: pool.submit(imagery.read, source) for tile_id, source in sources.items()
        }
        for tile_id, future in reading.items():
            until = enough if pictures else deadline
            if not wait([future], max(0.0, until - time.monotonic())).done:
                break
            outcome = _outcome(tile_id, future)
            if isinstance(outcome, ImageUnreadableError):
                errors[tile_id] = outcome
            else:
                pictures[tile_id] = outcome
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return pictures, errors


def _outcome(tile_id: int, future: Future[Pixels]) -> Pixels | ImageUnreadableError:
    """Tell what became of one picture; no failure of it takes its neighbours' answers away."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, ImageUnreadableError):
        return error
    _log.error("reading tile %s failed", tile_id, exc_info=error)
    return ImageUnreadableError(f"tile {tile_id}: its picture cannot be read, see the server's log")


def _too_late(done: int) -> DeadlineError:
    return DeadlineError(
        f"not classified in time; {done} other tiles of the request were: ask again to continue"
    )
