"""A scene of thirty tiles, and workers that do jobs on it, for tests of jobs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from support.imagery_files import write_pyramid
from support.pixel_classifier import GatedClassifier, PixelClassifier

from earthgql.catalog.jobs.records import JobRecord
from earthgql.catalog.jobs.requests import AreaRequest
from earthgql.catalog.models import ModelRecord, register_model
from earthgql.imagery import grid
from earthgql.imagery.grid import Bounds, TileIndex
from earthgql.ingest.picture_folder import PictureFolder
from earthgql.ingest.pyramid_source import PyramidSource
from earthgql.ingest.scene_source import SceneMetadata
from earthgql.ingest.store import store
from earthgql.jobs.job_worker import JobWorker, WorkerIntervals
from earthgql.jobs.service import JobService, model_queue
from earthgql.scoring.service import ScoringService

ZOOM, WEST, NORTH, COLUMNS, ROWS = 14, 5000, 8000, 6, 5
TILES = COLUMNS * ROWS
TIMEOUT_S = 90
QUICK = WorkerIntervals(
    poll_s=0.2, heartbeat_s=0.3, stalled_s=3.0, rescue_s=0.3, first_retry_s=0.05
)


def wait_until(happened: Callable[[], Any]) -> None:
    """Wait until a condition holds that another thread brings about."""
    until = time.monotonic() + TIMEOUT_S
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.002)


def area(columns: int = COLUMNS, rows: int = ROWS, *, west: int = 0) -> Bounds:
    """The rectangle of some columns and rows of the scene, and of no neighbour."""
    first = grid.tile_bounds(TileIndex(ZOOM, WEST + west, NORTH))
    last = grid.tile_bounds(TileIndex(ZOOM, WEST + west + columns - 1, NORTH + rows - 1))
    return Bounds(first.west + 1e-6, last.south + 1e-6, last.east - 1e-6, first.north - 1e-6)


def request(*options: Any, **chosen: Any) -> AreaRequest:
    """The request for the tiles of an ``area``."""
    return AreaRequest.of((area(*options, **chosen),), None)


@dataclass
class JobScene:
    """A scene of thirty plain tiles: ids by column and row, and their pictures' files."""

    engine: Engine
    folder: Path
    ids: dict[tuple[int, int], int]

    @property
    def service(self) -> JobService:
        return JobService(self.engine)

    def picture(self, column: int, row: int) -> Path:
        return self.folder / str(ZOOM) / str(WEST + column) / f"{NORTH + row}.png"

    def model(self, classifier: PixelClassifier) -> ModelRecord:
        with self.engine.begin() as conn:
            return ModelRecord(register_model(conn, classifier.identity), classifier.identity)

    def start(self, *options: Any, **chosen: Any) -> JobRecord:
        """Start a job for an ``area``."""
        return self.service.start(self.model(PixelClassifier()), request(*options, **chosen))

    def find(self, job: JobRecord) -> JobRecord:
        found = self.service.find(job.id)
        assert found is not None
        return found

    def wait(
        self, job: JobRecord, happened: Callable[[JobRecord], Any] = lambda job: job.finished_at
    ) -> JobRecord:
        """Wait until a job is as wanted: finished, if nothing else is said."""
        until = time.monotonic() + TIMEOUT_S
        while not happened(now := self.find(job)):
            assert time.monotonic() < until, now
            time.sleep(0.01)
        return now

    def scalar(self, query: str) -> Any:
        with self.engine.connect() as conn:
            return conn.scalar(text(query))

    def count(self, table: str) -> int:
        return int(self.scalar(f"SELECT count(*) FROM {table}"))

    def execute(self, statement: str) -> None:
        with self.engine.begin() as conn:
            conn.execute(text(statement))

    @contextmanager
    def worker(self, classifier: PixelClassifier, **options: Any) -> Iterator["Working"]:
        """Have jobs done until the block ends."""
        scoring = ScoringService(self.engine, lambda: classifier)
        identity = classifier.identity
        queue = model_queue(identity.name, identity.version)
        options = {"chunk_tiles": 4, "at_once": 1, "intervals": QUICK, **options}
        jobs = JobWorker(self.engine, scoring, lambda: queue, **options)
        jobs.start()
        try:
            yield Working(jobs, scoring)
        finally:
            if isinstance(classifier, GatedClassifier):
                classifier.let()
            jobs.stop(TIMEOUT_S)
            scoring.close()


@dataclass
class Working:
    """A running worker, and its scoring service."""

    jobs: JobWorker
    scoring: ScoringService


def make_job_scene(engine: Engine, folder: Path) -> JobScene:
    """Empty a database, as its migrations left it, and ingest the scene."""
    with engine.begin() as conn:
        conn.execute(
            text(
                "TRUNCATE scene, model, procrastinate_jobs, procrastinate_workers"
                " RESTART IDENTITY CASCADE"
            )
        )
    cells = [(column, row) for column in range(COLUMNS) for row in range(ROWS)]
    write_pyramid(folder, [TileIndex(ZOOM, WEST + x, NORTH + y) for x, y in cells])
    source = PyramidSource(
        "place", str(folder), "xyz", PictureFolder(folder), SceneMetadata(None, None)
    )
    assert store(engine, source).status == "new"
    with engine.connect() as conn:
        found = conn.execute(text("SELECT x, y, id FROM tile")).all()
    return JobScene(engine, folder, {(x - WEST, y - NORTH): tile_id for x, y, tile_id in found})
