"""Files and folders are written whole or not at all; locks hold between processes."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from earthgql.errors import BadInputError
from earthgql.files import draft, file_lock, whole_file
from earthgql.settings import PROJECT_ROOT


def test_it_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with whole_file(path) as file:
        file.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_was_there_stays_when_it_fails(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")

    def fail() -> None:
        with whole_file(path) as file:
            file.write(b"half of it")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_without_nameless_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a file system that has none: a folder is opened as if it were a file.
    monkeypatch.delattr(os, "O_TMPFILE")
    path = tmp_path / "a.txt"
    with whole_file(path) as file:
        file.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"
    with pytest.raises(ValueError, match="broken"), whole_file(path):
        raise ValueError("broken")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_link_leads_to_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("before")
    (tmp_path / "link").symlink_to("target")
    with whole_file(tmp_path / "link") as file:
        file.write(b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "after"


def test_what_cannot_be_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, message in (
        (tmp_path, "is no file"),
        (tmp_path / "pipe", "is no file"),
        (Path(os.devnull), "is no file"),
        (tmp_path / "none" / "a", "there is no folder"),
    ):
        with pytest.raises(BadInputError, match=message), whole_file(path):
            pass


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="needs files without a name")
def test_a_killed_process_leaves_nothing(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from earthgql.files import draft, file_lock, whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half of it")
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "a.txt")],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert list(tmp_path.iterdir()) == []


def test_a_draft_takes_its_name_when_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "new" / "picture.png"
    with draft(path) as made:
        assert made.suffix == ".png"
        made.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for name in ("before", "after"):
        with draft(path) as made:
            made.mkdir()
            (made / name).touch()
    assert [p.name for p in path.iterdir()] == ["after"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("makes", ["file", "folder", "nothing"])
def test_a_draft_that_fails_leaves_what_was_there(tmp_path: Path, makes: str) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "before").touch()

    def fail() -> None:
        with draft(path) as made:
            if makes == "file":
                made.touch()
            elif makes == "folder":
                made.mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [p.name for p in path.iterdir()] == ["before"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_makes_nothing_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with draft(path):
        pass
    assert path.read_text() == "before"


def test_who_is_alone_deletes_drafts_of_killed_processes(tmp_path: Path) -> None:
    (tmp_path / ".new-12ab-a[1].txt").mkdir()
    (tmp_path / ".new-12ab-b.txt").touch()
    with draft(tmp_path / "a[1].txt") as made:
        made.touch()
    assert (tmp_path / ".new-12ab-a[1].txt").exists()
    with draft(tmp_path / "a[1].txt", alone=True) as made:
        made.touch()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".new-12ab-b.txt", "a[1].txt"]


def test_a_lock_is_held_until_its_process_ends(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from earthgql.files import file_lock
with file_lock(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with (tmp_path / "lock").open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    with file_lock(tmp_path / "lock"):
        assert (tmp_path / "lock").is_file()
