"""Unpack packages of the distribution (Debian, Ubuntu) into a folder, without root.

The system's apt resolves, downloads and verifies them, with lists, cache and status in that folder,
so that nothing outside it changes. Used for PostGIS and for the tests' Chromium.
"""

import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from earthgql.errors import SetupError
from earthgql.files import draft, file_lock

Say = Callable[[str], None]
"""Called with one line for the user: what is being done, or how long it took."""

STAMP = ".complete"
# The C library and its loader must be the system's own pair; the rest is of no use without dpkg.
# (LLVM, and the solver it brings, would serve PostgreSQL's JIT compiler, which is off.)
_NEVER = re.compile(r"(libc6|libcrypt1|libgcc-s1|libllvm.*|libz3-4|(lib)?perl.*|libpython.*)$")
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A folder that holds the file tree of some packages.

    Attributes:
        root: the tree; ``root/usr/lib`` is what the packages call ``/usr/lib``.
    """

    root: Path

    def environment(self) -> dict[str, str]:
        """Return the variables with which programs of the tree find their libraries."""
        return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, self.library_folders()))}

    def library_folders(self) -> list[Path]:
        """Return the folders with shared libraries, including alternatives such as ``blas/``."""
        tops = [self.root / top / sub for top in ("usr/lib", "lib") for sub in _multiarch()]
        folders = [f for top in tops if top.is_dir() for f in (top, *sorted(top.iterdir()))]
        return [f for f in folders if f.is_dir() and any(f.glob("lib*.so*"))]

    def missing_libraries(self, programs: Iterable[Path]) -> set[str]:
        """Return the names of shared libraries that programs need and the loader lacks."""
        environment = os.environ | self.environment()
        listing = subprocess.run(
            ["ldd", *programs], env=environment, capture_output=True, text=True, check=False
        )
        return set(re.findall(r"^\s*(\S+) => not found", listing.stdout, re.MULTILINE))


class Apt:
    """The system's apt with lists, cache and status in a folder: no root, no change of the system.

    Args:
        folder: of lists, cache and status.
        say: called with each line for the user.
        sources: a file of sources (``deb …``) in place of the system's.
    """

    def __init__(self, folder: Path, say: Say, sources: Path | None = None) -> None:
        self.folder = folder.resolve()
        self._say = say
        self._sources = sources

    def update(self) -> None:
        """Fetch the package lists, unless there is a copy younger than a day."""
        stamp = self.folder / "updated"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < 86_400:
            return
        self._configure()
        with _timed("Reading the distribution's package lists", self._say):
            try:
                self._run("apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update")
                stamp.touch()
            except SetupError as error:
                # One of several sources may fail; resolving fails if it is needed.
                self._say(f"Some package lists are missing: {error}")

    def expire_lists(self) -> None:
        """Make the next ``update`` fetch the package lists again."""
        (self.folder / "updated").unlink(missing_ok=True)

    def names(self, pattern: str) -> list[str]:
        """Return the names of known packages that match a regular expression as a whole."""
        known = self._run("apt-cache", "pkgnames").split()
        return [name for name in known if re.fullmatch(pattern, name)]

    def resolve(self, wanted: Sequence[str]) -> dict[str, int]:
        """Find the packages to unpack: those wanted, and all libraries they depend on.

        Returns:
            ``name=version`` to the size of its archive in bytes.
        """
        plan = self._run("apt-get", "-s", "--no-install-recommends", "install", *wanted)
        chosen = re.findall(r"^Inst (\S+) \((\S+) ", plan, re.MULTILINE)
        records = self._run("apt-cache", "show", *(f"{n}={v}" for n, v in chosen))
        sizes = {}
        for record in records.split("\n\n"):
            field = dict(re.findall(r"^([\w-]+): (.*)$", record, re.MULTILINE))
            name = field.get("Package", "")
            library = field.get("Section", "").rpartition("/")[2] in ("libs", "oldlibs")
            if name in wanted or (library and not _NEVER.match(name)):
                sizes[f"{name}={field['Version']}"] = int(field["Size"])
        return sizes

    def download(self, packages: Mapping[str, int], folder: Path) -> list[Path]:
        """Download archives into a folder; whole ones are kept, partial ones are resumed."""
        folder.mkdir(parents=True, exist_ok=True)
        for archive in folder.glob("*.deb"):
            name, version, _ = unquote(archive.name).split("_", 2)
            if f"{name}={version}" not in packages:
                archive.unlink()
        title = f"Downloading {len(packages)} packages, {sum(packages.values()) / 1e6:.0f} MB"
        with _timed(title, self._say):
            self._run("apt-get", "-q", "download", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))

    def _configure(self) -> None:
        for sub in ("state/lists/partial", "cache/archives/partial", "log", "parts"):
            (self.folder / sub).mkdir(parents=True, exist_ok=True)
        (self.folder / "state/status").touch()
        system = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
        # Proxies and the like of this machine are kept, hooks that touch the system are not.
        kept = [line for line in system.stdout.splitlines() if line.startswith("Acquire::")]
        own = {
            "Dir::State": f"{self.folder}/state",
            "Dir::State::lists": f"{self.folder}/state/lists",
            "Dir::State::status": f"{self.folder}/state/status",
            "Dir::Cache": f"{self.folder}/cache",
            "Dir::Log": f"{self.folder}/log",
            "Dir::Etc::parts": f"{self.folder}/parts",
            "Dir::Etc::main": f"{self.folder}/none",
            "Debug::NoLocking": "1",
            "APT::Sandbox::User": "",
            "APT::Get::Assume-Yes": "1",
            "Acquire::Retries": "3",
            "Acquire::Languages": "none",
        }
        if self._sources:
            own["Dir::Etc::sourcelist"] = str(self._sources.resolve())
            own["Dir::Etc::sourceparts"] = f"{self.folder}/parts"
        lines = [*kept, *(f'{key} "{value}";' for key, value in own.items())]
        (self.folder / "apt.conf").write_text("\n".join(lines) + "\n")

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        environment = os.environ | {"APT_CONFIG": f"{self.folder}/apt.conf", "LC_ALL": "C"}
        for attempt in range(1, _ATTEMPTS + 1):
            done = subprocess.run(
                command, env=environment, cwd=cwd, capture_output=True, text=True, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
            if done.returncode == 0:
                return done.stdout
            network = command[0] == "apt-get" and ("update" in command or "download" in command)
            if not network or attempt == _ATTEMPTS:
                break
            self._say(f"{' '.join(command[:3])} failed, trying again in {attempt * 3} s")
            time.sleep(attempt * 3)
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise SetupError(f"{' '.join(command[:4])} failed: {' '.join(reason)}")


def available() -> bool:
    """Return whether this machine has the programs of a Debian-like distribution."""
    return all(shutil.which(name) for name in ("apt-get", "apt-cache", "apt-config", "dpkg-deb"))


def unpack(
    folder: Path,
    name: str,
    choose: Callable[[Apt], Sequence[str]],
    say: Say = print,
    sources: Path | None = None,
) -> Unpacked:
    """Unpack packages and the libraries they need; immediate if they are unpacked already.

    Safe to call from several processes at the same time, and to repeat after an interruption.

    Args:
        folder: holds the tree in ``folder/name``, lists and downloads in ``folder/apt``.
        name: name of the tree.
        choose: returns the names of the packages wanted; its argument knows all packages.
        say: called with each line for the user.
        sources: a file of sources (``deb …``) in place of the system's.

    Returns:
        The complete tree.

    Raises:
        SetupError: if this is no Debian-like system, or the packages cannot be had.
    """
    tree = folder.resolve() / name
    if _complete(tree):
        return Unpacked(tree)
    if not available():
        raise SetupError(f"{name} cannot be unpacked here: this system has no apt-get and dpkg-deb")
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / f"{name}.lock"):
        if not _complete(tree):
            _unpack(tree, Apt(folder / "apt", say, sources), choose, say)
    return Unpacked(tree)


def release() -> str:
    """Return the distribution's release, such as ``debian 12``."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return "unknown"
    return f"{system.get('ID', '?')} {system.get('VERSION_ID', '?')}"


def _unpack(tree: Path, apt: Apt, choose: Callable[[Apt], Sequence[str]], say: Say) -> None:
    apt.update()
    downloads = apt.folder / "archives" / tree.name
    try:
        archives = apt.download(apt.resolve(choose(apt)), downloads)
    except SetupError:
        # The lists may name versions that the archive has replaced since.
        apt.expire_lists()
        raise
    with draft(tree, alone=True) as fresh:
        fresh.mkdir()
        with _timed(f"Unpacking {tree.name}", say), ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda archive: _extract(archive, fresh), archives))
        (fresh / STAMP).write_text(release())
    shutil.rmtree(downloads, ignore_errors=True)


def _extract(archive: Path, root: Path) -> None:
    done = subprocess.run(
        ["dpkg-deb", "-x", archive, root], capture_output=True, text=True, check=False
    )
    if done.returncode:
        archive.unlink()
        raise SetupError(f"{archive.name} is damaged and was removed, run again: {done.stderr}")


def _complete(tree: Path) -> bool:
    # A tree of another release would meet a C library it was not built for.
    stamp = tree / STAMP
    return stamp.exists() and stamp.read_text() == release()


def _multiarch() -> tuple[str, ...]:
    return (f"{platform.machine()}-linux-gnu",)


@contextmanager
def _timed(title: str, say: Say) -> Generator[None, None, None]:
    began = time.monotonic()
    say(f"{title} …")
    yield
    say(f"{title}: {time.monotonic() - began:.1f} s")
