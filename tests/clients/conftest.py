"""A server for real clients, and how they are run: see ``make clients``."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from support.api_client import NORTH_WEST, centre, ingest, make_api, write_raster
from support.client_programs import CLIENTS, Programs
from support.http_server import serving
from support.job_worker import working

from earthgql.imagery.grid import TileIndex

COLUMNS, ROWS = 5, 4
LAT, LON = centre(NORTH_WEST)
ELSEWHERE = TileIndex(NORTH_WEST.z, NORTH_WEST.x + 100, NORTH_WEST.y)


@pytest.fixture(scope="session")
def imagery(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A database with a place at two dates, and one whose picture is gone."""
    folder = tmp_path_factory.mktemp("clients")
    for year in (2016, 2017):
        raster = write_raster(folder / f"{year}.tif", NORTH_WEST, COLUMNS, ROWS, seed=year)
        ingest(engine, raster, f"lake-{year}", acquired_at=datetime(year, 8, 4, tzinfo=UTC))
    lost = write_raster(folder / "lost.tif", ELSEWHERE, 1, 1)
    ingest(engine, lost, "lost")
    lost.unlink()
    return engine


@pytest.fixture(scope="session")
def server(imagery: Engine) -> Iterator[str]:
    """URL of a server, whose model was used once."""
    api = make_api(imagery)
    api.data(f"{{ classifyPoint(lat: {LAT}, lon: {LON}) {{ labels }} }}")
    with working(api), serving(api.app) as url:
        yield url


@pytest.fixture(scope="session")
def programs(server: str) -> Programs:
    """What runs clients on the server."""
    return Programs({"SERVER": server})


@pytest.fixture(scope="session")
def generated(programs: Programs) -> Path:
    """What GraphQL Code Generator made of the server's schema and of all documents."""
    folder = CLIENTS / "src" / "generated"
    shutil.rmtree(folder, ignore_errors=True)
    programs.script("codegen")
    return folder


@pytest.fixture(scope="session")
def compiled(programs: Programs) -> Path:
    """What Relay's compiler made of the schema and of the components' fragments."""
    folder = CLIENTS / "src" / "relay" / "__generated__"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    programs.script("relay")
    return folder


@pytest.fixture(scope="session")
def trusting(programs: Programs, compiled: Path, imagery: Engine) -> Iterator[Programs]:
    """Programs that also know, as ``TRUSTING``, a server that answers Relay's documents only."""
    settings = {"trusted_documents": compiled / "documents.json", "trusted_only": True}
    with serving(make_api(imagery, **settings).app) as url:
        yield Programs({**programs.servers, "TRUSTING": url})
