"""The private PostGIS: a PostgreSQL cluster on a unix socket, made and started on demand.

The server keeps running after the command that started it, until ``manage.py db stop``. Commands
that run at the same time share it: they start and stop it under a file lock.
"""

import hashlib
import os
import shutil
import signal
import socket
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from earthgql.database.private import binaries
from earthgql.database.private import user as server_user
from earthgql.database.private.debian import Say
from earthgql.errors import DatabaseUnavailableError, SetupError
from earthgql.files import draft, file_lock

DATABASE = "earthgql"
USER = "earthgql"
MARKER = "EARTHGQL-CLUSTER"
_PORT = 5432
_LONGEST_SOCKET_PATH = 107
_START_S = 120
_STOP_S = 60
_CONFIGURATION = """
# Written by earthgql when the cluster was made.
listen_addresses = ''
unix_socket_permissions = 0700
shared_buffers = 128MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
jit = off
timezone = 'GMT'
log_timezone = 'GMT'
log_checkpoints = off
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that accepts connections.

    Attributes:
        pid: of its postmaster.
        sockets: the folder of its socket.
    """

    pid: int
    sockets: Path


def _quiet(_line: str) -> None:
    return


class Cluster:
    """A PostgreSQL cluster with PostGIS in a folder of its own.

    Args:
        root: the cluster's folder; made if missing, refused if it has files of others.
        packages: folder of unpacked packages; None: ``debian`` in the parent of ``root``.
        say: called with each line for the user while the cluster is made and started.
    """

    def __init__(self, root: Path, packages: Path | None = None, say: Say = _quiet) -> None:
        # Resolved as in /proc/PID/cwd, by which processes of the server are recognised.
        self.root = root.resolve()
        self.packages = packages or self.root.parent / "debian"
        self.log = self.root / "server.log"
        self._data = self.root / "data"
        self._say = say

    def start(self) -> Running:
        """Start the server unless it runs already; make the cluster if there is none.

        Raises:
            SetupError: if the machine cannot run one; the message says what to do.
            DatabaseUnavailableError: if the server does not come up.
        """
        if running := self.status():
            return running
        self._mark_folder()
        with file_lock(self.root / "lock"):
            running = self.status()
            if running is None:
                self._create()
                running = self._start_server()
        return running

    def stop(self) -> bool:
        """Stop the server and roll back open transactions; return False if none was running."""
        if not (self.root / MARKER).exists():
            return False
        with file_lock(self.root / "lock"):
            stopped = self._stop_server()
            shutil.rmtree(self._sockets(), ignore_errors=True)
            return stopped

    def status(self) -> Running | None:
        """Return the server if it runs and accepts connections; None if not."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            running = Running(int(lines[0]), Path(lines[4]))
            ready = lines[7].strip() == "ready"
        except (OSError, IndexError, ValueError):
            return None
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(_socket(running.sockets)))
            except OSError:
                return None
        return running if ready and self._is_server(running.pid) else None

    def url(self, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL of a database of the running server.

        Raises:
            DatabaseUnavailableError: if it is not running.
        """
        if running := self.status():
            return f"postgresql+psycopg2://{USER}@/{database}?host={running.sockets}&port={_PORT}"
        raise DatabaseUnavailableError(
            "the private database is not running; start it: python manage.py db start"
        )

    def destroy(self) -> None:
        """Stop the server and delete the cluster with all databases in it.

        Raises:
            SetupError: if the folder was not made by a ``Cluster``.
        """
        if self.root.exists() and not (self.root / MARKER).exists():
            raise SetupError(f"{self.root} was not made by earthgql: not deleted")
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    @cached_property
    def binaries(self) -> binaries.Binaries:
        """The server's programs, of the version that made the cluster if there is one."""
        made = self._data / "PG_VERSION"
        version = int(made.read_text()) if made.exists() else None
        return binaries.find_binaries(self.packages, self._say, version)

    def _mark_folder(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        marker = self.root / MARKER
        if marker.exists():
            return
        if any(self.root.iterdir()):
            raise SetupError(f"{self.root} has files that earthgql did not make: move it away")
        marker.write_text("A PostgreSQL cluster made by earthgql, which may also delete it.\n")

    def _create(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        _ = self.binaries  # found or unpacked here, which prints lines of its own
        began = time.monotonic()
        self._say("Making the private database …")
        user = server_user.choose_user(self.root, self.binaries)
        user.own(self.root)
        with draft(self._data, alone=True) as fresh:
            self._run_program(
                user, "initdb", "--pgdata", str(fresh), "--username", USER, "--auth", "trust",
                "--encoding", "UTF8", "--locale", "C", "--no-instructions",
            )  # fmt: skip
            with (fresh / "postgresql.conf").open("a") as configuration:
                configuration.write(_CONFIGURATION)
            self._run_program(
                user, "postgres", "--single", "-D", str(fresh), "postgres",
                text=f"CREATE DATABASE {DATABASE}\n",
            )  # fmt: skip
        self._say(f"Making the private database: {time.monotonic() - began:.1f} s")

    def _start_server(self) -> Running:
        self._stop_server()
        sockets = self._sockets()
        user = server_user.choose_user(self._data, self.binaries)
        user.make_private_folder(sockets)
        deadline = time.monotonic() + _START_S
        # Processes of a killed postmaster end a moment later; no server can start before that.
        while self._has_processes() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._remove_stale_files(sockets)
        self._run_program(
            user, "pg_ctl", "start", "--wait", "--timeout", str(_START_S), "--silent",
            "--pgdata", str(self._data), "--log", str(self.log),
            "--options", f"-c unix_socket_directories='{sockets}' -c port={_PORT}",
        )  # fmt: skip
        if running := self.status():
            return running
        raise DatabaseUnavailableError(f"the private database did not start; see {self.log}")

    def _stop_server(self) -> bool:
        try:
            pid = int((self._data / "postmaster.pid").read_text().split()[0])
        except (OSError, IndexError, ValueError):
            return False
        if not self._is_server(pid):
            return False
        # On a full disk the last checkpoint may never end; the next start recovers from the log.
        for how, patience_s in ((signal.SIGINT, _STOP_S), (signal.SIGQUIT, _START_S)):
            os.kill(pid, how)
            deadline = time.monotonic() + patience_s
            while self._is_server(pid) and time.monotonic() < deadline:
                time.sleep(0.02)
            if not self._is_server(pid):
                return True
        raise DatabaseUnavailableError(f"the private database (pid {pid}) does not stop")

    def _is_server(self, pid: int) -> bool:
        """Return whether a process is a server of this cluster: it runs in the data folder."""
        try:
            return Path("/proc", str(pid), "cwd").readlink() == self._data
        except OSError:
            return False

    def _has_processes(self) -> bool:
        """Return whether any process of a server of this cluster is left."""
        return any(self._is_server(int(p.name)) for p in Path("/proc").glob("[0-9]*"))

    def _remove_stale_files(self, sockets: Path) -> None:
        # After a crash, the pid in these files may belong to another program: PostgreSQL would
        # take it for a running server and refuse to start. It handles a pid that is free by itself.
        file = self._data / "postmaster.pid"
        if file.exists():
            pid = file.read_text().split()[:1]
            if pid and pid[0].isdigit() and Path("/proc", pid[0]).exists():
                file.unlink()
        for left in (_socket(sockets), _socket(sockets).with_suffix(f".{_PORT}.lock")):
            left.unlink(missing_ok=True)

    def _sockets(self) -> Path:
        name = f"earthgql-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]}"
        for parent in (tempfile.gettempdir(), "/tmp", "/dev/shm"):  # noqa: S108
            folder = Path(parent, name)
            if len(os.fsencode(_socket(folder))) <= _LONGEST_SOCKET_PATH:
                return folder
        raise SetupError("no temporary folder has a path short enough for a socket: set TMPDIR")

    def _run_program(
        self, user: server_user.ServerUser, program: str, *arguments: str, text: str = ""
    ) -> None:
        done = user.run([self.binaries.program(program), *arguments], self.binaries, text)
        if done.returncode:
            reason = " ".join((done.stdout + _tail(self.log)).split())
            raise DatabaseUnavailableError(f"{program} failed: {reason[-800:]}")


def _socket(folder: Path) -> Path:
    return folder / f".s.PGSQL.{_PORT}"


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    except OSError:
        return ""
