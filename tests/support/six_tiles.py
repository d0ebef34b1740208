"""Fixtures: a pyramid of six tiles of one colour each in a database, and its statements."""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine, event, text

from earthgql.catalog.tiles.lookup import sources_by_ids
from earthgql.ingest.picture_folder import PictureFolder
from earthgql.ingest.pyramid_source import PyramidSource
from earthgql.ingest.scene_source import SceneMetadata
from earthgql.ingest.store import store

COLOURS = [(10 * i, 255 - 20 * i, 40 + 30 * i) for i in range(6)]


@dataclass
class Place:
    """A scene of six tiles: ids, their pictures' files and colours, in the same order."""

    engine: Engine
    ids: list[int]
    files: list[Path]

    def pixels(self, number: int) -> np.ndarray:
        return np.full((256, 256, 3), COLOURS[number], np.uint8)

    def count(self, table: str) -> int:
        with self.engine.connect() as conn:
            return conn.scalar(text(f"SELECT count(*) FROM {table}"))


@pytest.fixture
def place(fresh_engine: Engine, tmp_path: Path) -> Place:
    folder = tmp_path / "pyramid"
    for number, colour in enumerate(COLOURS):
        path = folder / "14" / str(5000 + number) / "8000.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((256, 256, 3), colour, np.uint8)).save(path)
    source = PyramidSource(
        "plain", str(folder), "xyz", PictureFolder(folder), SceneMetadata(None, None)
    )
    store(fresh_engine, source)
    with fresh_engine.connect() as conn:
        ids = list(conn.scalars(text("SELECT id FROM tile ORDER BY x")))
        found = sources_by_ids(conn, ids)
    return Place(fresh_engine, ids, [folder / (found[i].path or "") for i in ids])


@pytest.fixture
def statements() -> Callable[[Engine], AbstractContextManager[list[str]]]:
    """Collects the SQL statements an engine runs during a block."""

    @contextmanager
    def collect(engine: Engine):
        seen: list[str] = []

        def note(_conn, _cursor, statement, _parameters, _context, _many) -> None:
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return collect
