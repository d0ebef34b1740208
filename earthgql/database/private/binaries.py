"""Find the programs of a PostgreSQL with PostGIS, or unpack them from the distribution."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from earthgql.database.private import debian
from earthgql.errors import SetupError

REMEDY = (
    "ways to get a PostGIS: install the packages postgresql and postgis of your system "
    "(Debian, Ubuntu: apt install postgresql postgresql-postgis), run `docker compose up`, or set "
    "EARTHGQL_DATABASE_URL to the URL of one you have"
)
_SYSTEM = (("/usr/lib/postgresql", "/usr/share/postgresql"),)


@dataclass(frozen=True, slots=True)
class Binaries:
    """Programs of one PostgreSQL that has PostGIS.

    Attributes:
        folder: of ``initdb``, ``pg_ctl``, ``postgres`` and ``psql``.
        version: major version, such as 15.
        environment: variables for these programs only.
    """

    folder: Path
    version: int
    environment: Mapping[str, str] = field(default_factory=dict)

    def program(self, name: str) -> str:
        """Return the path of a program, such as ``pg_ctl``."""
        return str(self.folder / name)


def find_binaries(packages: Path, say: debian.Say, version: int | None = None) -> Binaries:
    """Find a PostgreSQL with PostGIS on the system, else unpack one.

    Args:
        packages: folder below which packages are unpacked when the system has none.
        say: called with each line for the user.
        version: major version that made the cluster; None: the newest.

    Raises:
        SetupError: if there is none of that version; the message says how to get one.
    """
    for binaries in sorted(installed(), key=lambda found: -found.version):
        if version in (None, binaries.version):
            return binaries
    binaries = _unpacked(packages, say)
    if version in (None, binaries.version):
        return binaries
    raise SetupError(
        f"the database was made by PostgreSQL {version}, but this system has "
        f"{binaries.version}; install postgresql-{version}-postgis-3, or let `manage.py db reset` "
        "make a new, empty database"
    )


def installed(places: Sequence[tuple[str, str]] = _SYSTEM) -> Iterator[Binaries]:
    """Yield each PostgreSQL of the system that has PostGIS.

    Args:
        places: pairs of folders, each with a folder for each version: with ``bin/`` and with
            ``extension/``.
    """
    for library, share in places:
        for programs in Path(library).glob("*/bin"):
            if (Path(share) / programs.parent.name / "extension/postgis.control").exists():
                yield from _binaries(programs)
    if config := shutil.which("pg_config"):
        programs, share_folder = (
            Path(_output(config, flag)) for flag in ("--bindir", "--sharedir")
        )
        if (share_folder / "extension/postgis.control").exists():
            yield from _binaries(programs)


def _binaries(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Binaries]:
    if (folder / "initdb").exists():
        text = _output(str(folder / "postgres"), "--version", environment=environment)
        if match := re.search(r"\) (\d+)", text):
            yield Binaries(folder, int(match[1]), environment or {})


def _unpacked(packages: Path, say: debian.Say) -> Binaries:
    try:
        tree = debian.unpack(packages, "postgis", _packages, say)
    except SetupError as error:
        raise SetupError(f"no PostgreSQL with PostGIS: {error}; {REMEDY}") from None
    programs = next(tree.root.glob("usr/lib/postgresql/*/bin"))
    extension = tree.root / "usr/share/postgresql" / programs.parent.name / "extension"
    _link_control_file(extension)
    modules = programs.parent.glob("lib/postgis-3.so")
    if missing := tree.missing_libraries([programs / "postgres", programs / "psql", *modules]):
        raise SetupError(f"the unpacked PostGIS lacks {', '.join(sorted(missing))}; {REMEDY}")
    projections = str(tree.root / "usr/share/proj")
    # PROJ before 9.1 knows its folder by the second name only.
    environment = tree.environment() | {"PROJ_DATA": projections, "PROJ_LIB": projections}
    for binaries in _binaries(programs, environment):
        return binaries
    raise SetupError(f"the PostgreSQL unpacked in {tree.root} does not start; {REMEDY}")


def _packages(apt: debian.Apt) -> list[str]:
    found = [re.findall(r"\d+", name)[0] for name in apt.names(r"postgresql-\d+-postgis-3")]
    servers = set(apt.names(r"postgresql-\d+"))
    versions = [int(version) for version in found if f"postgresql-{version}" in servers]
    if not versions:
        raise SetupError("the distribution's packages have no PostGIS")
    server = f"postgresql-{max(versions)}"
    postgis = f"{server}-postgis-3"
    return [
        server,
        server.replace("postgresql", "postgresql-client"),
        postgis,
        *apt.names(re.escape(postgis) + "-scripts"),
        "proj-data",
    ]


def _link_control_file(extension: Path) -> None:
    # The package's installation script would make this link; unpacking alone does not.
    control = extension / "postgis.control"
    target = extension / "postgis-3.control"
    if not control.exists() and target.exists():
        control.unlink(missing_ok=True)
        control.symlink_to(target.name)


def _output(*command: str, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, env=os.environ | (environment or {}), capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
