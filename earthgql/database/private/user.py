"""Choose the user a private PostgreSQL runs as: it refuses to run as root."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from earthgql.database.private.binaries import Binaries
from earthgql.errors import SetupError

_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
_OTHER_USERS = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A user that PostgreSQL can run as.

    Attributes:
        uid: owner of the server's files, outside any user namespace.
        gid: group of the server's files.
        prefix: command that runs a program as this user; empty if ``uid`` and ``gid`` suffice.
    """

    uid: int
    gid: int
    prefix: Sequence[str] = ()

    def run(
        self, command: Sequence[str], programs: Binaries, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of PostgreSQL; ``stdout`` of the result has its output and its errors."""
        other = self.uid != os.geteuid()
        return subprocess.run(
            [*self.prefix, *command], input=text, env=_environment(programs), cwd="/", text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            user=self.uid if other else None, group=self.gid if other else None,
            extra_groups=[] if other else None,
        )  # fmt: skip

    def own(self, folder: Path) -> None:
        """Make this user the owner of an existing folder, with mode 700."""
        folder.chmod(0o700)
        if self.uid != os.geteuid():
            os.chown(folder, self.uid, self.gid)

    def make_private_folder(self, folder: Path) -> None:
        """Make a folder that only this user may enter.

        Raises:
            SetupError: if a file is in its place, or a folder of another user.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (self.uid, os.geteuid()):
            raise SetupError(f"{folder} belongs to another user: remove it, or set TMPDIR")
        self.own(folder)


def choose_user(folder: Path, programs: Binaries) -> ServerUser:
    """Choose the user for a server with its data in a folder.

    It is the folder's owner; for root, a user namespace or another user that can enter the folder.

    Raises:
        SetupError: if the folder is another user's, or there is no user that root could take.
    """
    owner = folder.stat()
    if owner.st_uid != 0 and owner.st_uid != os.geteuid() and os.geteuid() != 0:
        name = _user_name(owner.st_uid)
        raise SetupError(f"{folder} belongs to {name}: run as {name}, or use a clone of your own")
    if owner.st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    if os.geteuid() != 0:
        raise SetupError(f"{folder} belongs to root: remove it as root, or use a clone of your own")
    return _user_for_root(folder, programs)


def _user_for_root(folder: Path, programs: Binaries) -> ServerUser:
    candidates = [ServerUser(0, 0, _NAMESPACE)] if shutil.which("unshare") else []
    for name in _OTHER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        candidates.append(ServerUser(entry.pw_uid, entry.pw_gid))
    for user in candidates:
        if _can_run(user, folder, programs):
            return user
    raise SetupError(
        "PostgreSQL refuses to run as root, user namespaces are not permitted here, and no other "
        f"user can reach {folder}; run this as an ordinary user in a clone that user owns, or set "
        "EARTHGQL_DATABASE_URL"
    )


def _can_run(user: ServerUser, folder: Path, programs: Binaries) -> bool:
    reach = ["test", "-x", str(folder.parent)]
    try:
        return all(
            user.run(command, programs).returncode == 0
            for command in (reach, [programs.program("postgres"), "--version"])
        )
    except OSError:
        return False


def _environment(programs: Binaries) -> dict[str, str]:
    # Variables of another PostgreSQL (PGHOST, PGDATA, PGOPTIONS, …) must not reach this one.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C"} | dict(programs.environment)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
