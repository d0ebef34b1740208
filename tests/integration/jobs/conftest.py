"""A place of thirty tiles, as good as new for each test."""

from pathlib import Path

import pytest
from job_place import JobPlace, make_place
from sqlalchemy import Engine


@pytest.fixture
def place(module_engine: Engine, tmp_path: Path) -> JobPlace:
    return make_place(module_engine, tmp_path / "pyramid")
