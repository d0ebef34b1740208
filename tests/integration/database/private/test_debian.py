"""Unpacking packages without root, by the real apt, from a repository made here."""

import hashlib
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from earthgql.database.private import binaries, debian
from earthgql.errors import SetupError
from earthgql.settings import PROJECT_ROOT

pytestmark = pytest.mark.skipif(not debian.available(), reason="this system has no apt")

PACKAGES = {
    # name: (section, depends, file)
    "chart": ("science", "libchart1, libc6", "usr/bin/chart"),
    "libchart1": ("libs", "libink2", "usr/lib/libchart.so.1"),
    "libink2": ("oldlibs", "", "usr/lib/libink.so.2"),
    "libc6": ("libs", "", "usr/lib/libc.so.6"),
    "perl": ("perl", "", "usr/bin/perl"),
    **{
        name: ("database", "", f"usr/share/{name}")
        for version in (9, 14, 15)
        for name in (f"postgresql-{version}", f"postgresql-{version}-postgis-3")
    },
    # A PostGIS without its server is of no use.
    "postgresql-16-postgis-3": ("database", "", "usr/share/none"),
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of apt sources that names a repository of a few small packages."""
    folder = tmp_path_factory.mktemp("repository")
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    ).stdout.strip()
    records = []
    for name, (section, depends, file) in PACKAGES.items():
        control = (
            f"Package: {name}\nVersion: 1:1.0-1\nArchitecture: {architecture}\n"
            f"Section: {section}\nMaintainer: Nobody <nobody@example.org>\n"
            f"{f'Depends: {depends}' + chr(10) if depends else ''}Description: {name}\n"
        )
        tree = folder / "trees" / name
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(control)
        (tree / file).parent.mkdir(parents=True)
        (tree / file).write_text(name)
        archive = folder / f"{name}.deb"
        subprocess.run(["dpkg-deb", "-b", tree, archive], check=True, capture_output=True)
        content = archive.read_bytes()
        records.append(
            f"{control}Filename: ./{name}.deb\nSize: {len(content)}\n"
            f"SHA256: {hashlib.sha256(content).hexdigest()}\n"
        )
    (folder / "Packages").write_text("\n".join(records))
    listing = folder / "sources.list"
    listing.write_text(f"deb [trusted=yes] copy:{folder} ./\n")
    return listing


def chart(_apt: debian.Apt) -> Sequence[str]:
    return ["chart"]


def files(tree: debian.Unpacked) -> set[str]:
    found = (p.relative_to(tree.root) for p in tree.root.rglob("*") if p.is_file())
    return {str(p) for p in found} - {debian.STAMP}


def test_wanted_packages_come_with_their_libraries_but_no_c_library(
    tmp_path: Path, sources: Path
) -> None:
    said: list[str] = []
    tree = debian.unpack(tmp_path, "chart", chart, said.append, sources)
    assert files(tree) == {"usr/bin/chart", "usr/lib/libchart.so.1", "usr/lib/libink.so.2"}
    assert any(line.startswith("Downloading 3 packages") for line in said)
    assert not (tmp_path / "apt/archives/chart").exists()


def test_the_second_time_is_immediate_and_silent(tmp_path: Path, sources: Path) -> None:
    first = debian.unpack(tmp_path, "chart", chart, print, sources)
    said: list[str] = []
    began = time.monotonic()
    assert debian.unpack(tmp_path, "chart", chart, said.append) == first
    assert time.monotonic() - began < 0.1
    assert said == []


def test_an_interrupted_run_is_taken_up(tmp_path: Path, sources: Path) -> None:
    # Killed while unpacking, after one archive came whole, one half, and one of an older version.
    (tmp_path / ".new-0-chart/usr/bin").mkdir(parents=True)
    (tmp_path / ".new-0-chart/usr/bin/half").touch()
    archives = tmp_path / "apt/archives/chart"
    archives.mkdir(parents=True)
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    whole = (sources.parent / "chart.deb").read_bytes()
    (archives / f"chart_1%3a1.0-1_{architecture}.deb").write_bytes(whole[: len(whole) // 2])
    shutil.copy(sources.parent / "perl.deb", archives / f"libink2_1%3a0.9-1_{architecture}.deb")
    tree = debian.unpack(tmp_path, "chart", chart, print, sources)
    assert files(tree) == {"usr/bin/chart", "usr/lib/libchart.so.1", "usr/lib/libink.so.2"}


def test_a_tree_of_another_release_is_replaced(tmp_path: Path, sources: Path) -> None:
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / debian.STAMP).write_text("debian 9")
    (tmp_path / "chart/old").touch()
    tree = debian.unpack(tmp_path, "chart", chart, print, sources)
    assert "old" not in files(tree)


def test_processes_at_the_same_time_unpack_once(tmp_path: Path, sources: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from earthgql.database.private import debian; "
        "debian.unpack(Path(sys.argv[1]), 'chart', lambda _: ['chart'], print, Path(sys.argv[2]))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path, sources],
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sum("Unpacking chart:" in text for text in said) == 1


def test_an_unknown_package_is_an_error_and_leaves_no_tree(tmp_path: Path, sources: Path) -> None:
    with pytest.raises(SetupError, match="compass"):
        debian.unpack(tmp_path, "compass", lambda _: ["compass"], print, sources)
    assert not (tmp_path / "compass").exists()


def test_the_newest_postgis_that_has_a_server_is_chosen(tmp_path: Path, sources: Path) -> None:
    apt = debian.Apt(tmp_path / "apt", print, sources)
    apt.update()
    with pytest.raises(SetupError, match="proj-data"):  # not in this little repository
        apt.resolve(binaries._packages(apt))
    assert binaries._packages(apt)[0] == "postgresql-15"


def test_a_postgresql_without_postgis_is_not_taken(tmp_path: Path) -> None:
    for version, extension in (("14", "postgis.control"), ("17", "hstore.control")):
        programs = tmp_path / "lib" / version / "bin"
        programs.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (programs / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}.1'\n")
            (programs / name).chmod(0o755)
        control = tmp_path / "share" / version / "extension" / extension
        control.parent.mkdir(parents=True)
        control.touch()
    places = [(str(tmp_path / "lib"), str(tmp_path / "share"))]
    found = [b for b in binaries.installed(places) if tmp_path in b.folder.parents]
    assert [(b.version, b.folder) for b in found] == [(14, tmp_path / "lib/14/bin")]
