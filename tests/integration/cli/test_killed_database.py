"""PostgreSQL killed in the middle of an ingest: no half scene, and no manual step afterwards."""

import os
import signal
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from sqlalchemy import text
from test_ingest_command import command, counts

from earthgql.database.engine import engine_on
from earthgql.database.private.cluster import Cluster
from earthgql.settings import load_settings

ROWS = 300_000


@pytest.fixture
def var(tmp_path: Path) -> Generator[Path, None, None]:
    """A var/ of its own, with a private cluster of its own on the clone's unpacked packages."""
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "debian").symlink_to(load_settings().var_dir / "debian")
    yield folder
    Cluster(folder / "postgres", folder / "debian").destroy()


def ingest(var: Path, csv: Path) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k != "EARTHGQL_DATABASE_URL"}
    return subprocess.Popen(
        command(["ingest", "table", csv, "--root", csv.parent]),
        env={**environment, "EARTHGQL_VAR_DIR": str(var)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_copying(cluster: Cluster) -> None:
    engine = engine_on(cluster.url())
    query = text("SELECT max(tuples_processed) FROM pg_stat_progress_copy")
    until = time.monotonic() + 120
    with engine.connect() as connection:
        while (connection.scalar(query) or 0) < 20_000:
            connection.rollback()
            assert time.monotonic() < until, "never began to copy"
            time.sleep(0.02)
    engine.dispose()


def test_the_same_command_again_is_all_it_takes(var: Path, tmp_path: Path) -> None:
    csv = tmp_path / "large.csv"
    lines = [f"{i},14,{i // 500},{i % 500},x/{i}.png\n" for i in range(ROWS)]
    csv.write_text("id,z_coord,x_coord,y_coord,path\n" + "".join(lines))
    cluster = Cluster(var / "postgres", var / "debian")
    cluster.start()

    process = ingest(var, csv)
    wait_until_copying(cluster)
    server = cluster.status()
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    _, complaint = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "the database cannot be reached" in complaint
    assert "Traceback" not in complaint

    output, complaint = ingest(var, csv).communicate(timeout=300)
    assert "1 new" in output, complaint
    engine = engine_on(cluster.url())
    assert counts(engine) == (1, ROWS)
    engine.dispose()
