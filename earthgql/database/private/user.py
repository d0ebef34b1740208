"""As whom a private PostgreSQL runs: it refuses root, so root borrows another identity for it."""

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
    """An identity that PostgreSQL accepts.

    Attributes:
        uid: owner of the server's files as seen from outside.
        gid: group of the same.
        prefix: command that gives a program this identity; empty where ``uid`` does.
    """

    uid: int
    gid: int
    prefix: Sequence[str] = ()

    def run(
        self, command: Sequence[str], programs: Binaries, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of PostgreSQL; its output and complaints are in ``stdout``."""
        other = self.uid != os.geteuid()
        return subprocess.run(
            [*self.prefix, *command], input=text, env=_environment(programs), cwd="/", text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            user=self.uid if other else None, group=self.gid if other else None,
            extra_groups=[] if other else None,
        )  # fmt: skip

    def give(self, folder: Path) -> None:
        """Make this identity the owner of an existing folder."""
        folder.chmod(0o700)
        if self.uid != os.geteuid():
            os.chown(folder, self.uid, self.gid)

    def make_private_folder(self, folder: Path) -> None:
        """Make a folder that nobody else may look into.

        Raises:
            SetupError: if something of another user is in its place.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (self.uid, os.geteuid()):
            raise SetupError(f"{folder} belongs to another user: remove it, or set TMPDIR")
        self.give(folder)


def choose(folder: Path, programs: Binaries) -> ServerUser:
    """Choose the identity for a server on a folder: its owner, or for root one that can use it.

    Raises:
        SetupError: if the folder is another user's, or root finds no identity to lend.
    """
    owner = folder.stat()
    if owner.st_uid != 0 and owner.st_uid != os.geteuid() and os.geteuid() != 0:
        name = _name(owner.st_uid)
        raise SetupError(f"{folder} belongs to {name}: run as {name}, or use a clone of your own")
    if owner.st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    if os.geteuid() != 0:
        raise SetupError(f"{folder} belongs to root: remove it as root, or use a clone of your own")
    return _for_root(folder, programs)


def _for_root(folder: Path, programs: Binaries) -> ServerUser:
    candidates = [ServerUser(0, 0, _NAMESPACE)] if shutil.which("unshare") else []
    for name in _OTHER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        candidates.append(ServerUser(entry.pw_uid, entry.pw_gid))
    for user in candidates:
        if _works(user, folder, programs):
            return user
    raise SetupError(
        "PostgreSQL refuses to run as root, user namespaces are not permitted here, and no other "
        f"user can reach {folder}; run this as an ordinary user in a clone that user owns, or set "
        "EARTHGQL_DATABASE_URL"
    )


def _works(user: ServerUser, folder: Path, programs: Binaries) -> bool:
    reach = ["test", "-x", str(folder.parent)]
    try:
        return all(
            user.run(command, programs).returncode == 0
            for command in (reach, [programs.program("postgres"), "--version"])
        )
    except OSError:
        return False


def _environment(programs: Binaries) -> dict[str, str]:
    # Nothing of the caller's own PostgreSQL (PGHOST, PGDATA, PGOPTIONS, …) may leak into ours.
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {"LC_ALL": "C"} | dict(programs.environment)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
