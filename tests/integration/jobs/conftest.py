"""A scene of thirty tiles, as good as new for each test."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.job_scene import JobScene, make_job_scene


@pytest.fixture
def job_scene(module_engine: Engine, tmp_path: Path) -> JobScene:
    return make_job_scene(module_engine, tmp_path / "pyramid")
