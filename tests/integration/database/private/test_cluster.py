"""The private PostGIS: shared, restarted after any crash, and never anybody else's."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Engine, exc, text

from earthgql.database.engine import database_errors, engine_on, make_engine
from earthgql.database.private import cluster as private_cluster
from earthgql.database.private.cluster import MARKER, Cluster
from earthgql.errors import DatabaseUnavailableError, SetupError
from earthgql.settings import PROJECT_ROOT, Settings, load_settings


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cluster, None, None]:
    """A cluster for these tests, of the programs that the clone's own one uses."""
    root = tmp_path_factory.mktemp("cluster") / "postgres"
    cluster = Cluster(root, packages=load_settings().var_dir / "debian", say=print)
    cluster.start()
    yield cluster
    cluster.destroy()
    assert not root.exists()


@pytest.fixture
def running(cluster: Cluster) -> Cluster:
    """The cluster, started again if the test before stopped or killed it."""
    cluster.start()
    return cluster


def tell(cluster: Cluster, statement: str) -> None:
    engine = engine_on(cluster.url())
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def ask(cluster: Cluster, statement: str) -> str:
    engine = engine_on(cluster.url())
    try:
        with engine.begin() as connection:
            return str(connection.execute(text(statement)).scalar())
    finally:
        engine.dispose()


def test_has_postgis_and_no_network(running: Cluster) -> None:
    engine = engine_on(running.url())
    with engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS postgis"))
        # Reprojection needs the tables of PROJ, which the server must find by itself.
        x = connection.scalar(
            text("SELECT ST_X(ST_Transform(ST_SetSRID(ST_Point(0, 0), 4326), 32631))")
        )
        assert connection.scalar(text("SHOW listen_addresses")) == ""
    engine.dispose()
    assert x == pytest.approx(166_021.44, abs=0.01)


def test_started_twice_is_the_same_server(running: Cluster) -> None:
    again = Cluster(running.root, running.packages)
    assert again.start() == running.status()


def test_reached_by_a_link_or_a_detour_it_is_the_same_server(
    running: Cluster, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(running.root)
    server = running.status()
    assert Cluster(link).start() == server
    assert Cluster(running.root / "../postgres").start() == server
    assert running.status() == server


def test_only_its_owner_may_look_into_the_socket_folder(running: Cluster) -> None:
    server = running.status()
    assert server is not None
    assert server.sockets.stat().st_mode & 0o777 == 0o700
    assert (running.root / "data").stat().st_mode & 0o077 == 0


def test_four_processes_start_one_server(running: Cluster) -> None:
    running.stop()
    program = (
        "import sys; from pathlib import Path; "
        "from earthgql.database.private.cluster import Cluster; "
        "print(Cluster(Path(sys.argv[1]), Path(sys.argv[2])).start().pid)"
    )

    def start(_: int) -> str:
        return subprocess.run(
            [sys.executable, "-c", program, running.root, running.packages],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    with ThreadPoolExecutor(4) as pool:
        pids = set(pool.map(start, range(4)))
    server = running.status()
    assert server is not None
    assert pids == {f"{server.pid}\n"}


def test_committed_rows_survive_kill_9_and_half_a_transaction_does_not(running: Cluster) -> None:
    tell(running, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    half = psycopg2.connect(running.url().replace("+psycopg2", ""))
    half.cursor().execute("INSERT INTO kept VALUES (43)")
    server = running.status()
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    while running.status() is not None:
        time.sleep(0.01)
    revived = running.start()
    assert revived.pid != server.pid
    assert ask(running, "SELECT array_agg(answer) FROM kept") == "[42]"
    half.close()


def test_an_engine_survives_a_restart(running: Cluster) -> None:
    engine = engine_on(running.url())
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    running.stop()
    with pytest.raises(DatabaseUnavailableError, match="db status"), database_errors():
        engine.connect()
    running.start()
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


def test_a_pid_file_that_names_another_program_is_no_obstacle(running: Cluster) -> None:
    running.stop()
    pid_file = running.root / "data/postmaster.pid"
    lines = [str(os.getpid()), str(running.root / "data"), "0", "5432", "/tmp", "", "", "ready"]
    pid_file.write_text("\n".join(lines) + "\n")
    assert running.status() is None
    assert running.stop() is False
    assert running.start().pid != os.getpid()


def test_a_half_made_cluster_is_made_anew(tmp_path: Path, cluster: Cluster) -> None:
    root = tmp_path / "postgres"
    (root / ".new-0-data").mkdir(parents=True)
    (root / ".new-0-data/PG_VERSION").write_text("15\n")
    (root / MARKER).touch()
    other = Cluster(root, cluster.packages)
    other.start()
    assert ask(other, "SELECT 1") == "1"
    other.destroy()


def test_stop_twice(running: Cluster) -> None:
    server = running.status()
    assert server is not None
    assert running.stop() is True
    assert running.stop() is False
    assert running.status() is None
    assert not server.sockets.exists()
    with pytest.raises(DatabaseUnavailableError, match="db start"):
        running.url()


def test_a_folder_of_others_is_refused_and_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("ten years of work")
    with pytest.raises(SetupError, match="did not make"):
        Cluster(tmp_path).start()
    with pytest.raises(SetupError, match="not made by earthgql"):
        Cluster(tmp_path).destroy()
    assert Cluster(tmp_path).stop() is False
    assert list(tmp_path.iterdir()) == [mine]


def test_a_long_temporary_folder_is_passed_over(
    tmp_path: Path, running: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.stop()
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    server = running.start()
    assert len(os.fsencode(server.sockets / ".s.PGSQL.5432")) <= 107
    assert ask(running, "SELECT 1") == "1"
    assert list(deep.iterdir()) == []
    running.stop()


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(running: Cluster) -> None:
    server = running.status()
    assert server is not None
    assert os.getsid(server.pid) != os.getsid(0)


def test_statements_end_in_time(running: Cluster) -> None:
    engine = engine_on(running.url(), statement_timeout=0.05)
    with engine.connect() as connection, pytest.raises(exc.OperationalError, match="timeout"):
        connection.execute(text("SELECT pg_sleep(5)"))
    engine.dispose()


def test_missing_tables_are_explained(running: Cluster) -> None:
    with pytest.raises(DatabaseUnavailableError, match="db upgrade"), database_errors():
        ask(running, "SELECT * FROM tile")


def test_a_full_disk_is_explained(running: Cluster) -> None:
    raising = "RAISE EXCEPTION 'could not extend file: No space left' USING ERRCODE = 'disk_full'"
    with pytest.raises(DatabaseUnavailableError, match=r"full.*No space left"), database_errors():
        tell(running, f"DO $$ BEGIN {raising}; END $$")


def test_a_server_that_cannot_end_is_stopped_and_recovers(
    running: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a full disk does: the last checkpoint of an orderly end does not come to its end.
    tell(running, "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 42 AS answer")
    pid = ask(running, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    os.kill(int(pid), signal.SIGSTOP)
    monkeypatch.setattr(private_cluster, "_STOP_S", 0.5)
    assert running.stop()
    running.start()
    assert ask(running, "SELECT array_agg(answer) FROM kept") == "[42]"


def test_a_url_that_is_none_is_an_error_without_its_password() -> None:
    settings = Settings(database_url="mysql://me:secret@host/db")
    with pytest.raises(DatabaseUnavailableError, match="postgresql://") as caught:
        make_engine(settings)
    assert "secret" not in str(caught.value)


def test_any_postgresql_url_uses_the_installed_driver(engine: Engine) -> None:
    plain = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    other = make_engine(Settings(database_url=plain))
    with other.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "GMT"
    other.dispose()


def test_reset_answered_with_no_changes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "db", "reset"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "EARTHGQL_DATABASE_URL": "", "EARTHGQL_VAR_DIR": str(tmp_path)},
        input="n\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.endswith("Error: nothing was changed\n")
    assert list(tmp_path.iterdir()) == []
