"""A place of thirty tiles, as good as new for each test."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.job_place import JobPlace, make_place


@pytest.fixture
def place(module_engine: Engine, tmp_path: Path) -> JobPlace:
    return make_place(module_engine, tmp_path / "pyramid")
