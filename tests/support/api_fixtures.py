"""Fixtures: the application on a database with a scene of 100 tiles."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, SCENE, SIDE, Api, ingest, make_api, write_raster


@pytest.fixture(scope="session")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GeoTIFF of 10 by 10 tiles."""
    return write_raster(tmp_path_factory.mktemp("imagery") / "lake.tif", NORTH_WEST, SIDE, SIDE)


@pytest.fixture(scope="module")
def api(module_engine: Engine, raster: Path) -> Api:
    """An application whose database has one scene of 100 tiles, shared by a module's tests."""
    ingest(module_engine, raster, SCENE)
    return make_api(module_engine)


@pytest.fixture
def fresh_api(fresh_engine: Engine, raster: Path) -> Api:
    """An application whose database has one scene of 100 tiles, none of them classified."""
    ingest(fresh_engine, raster, SCENE)
    return make_api(fresh_engine)
