"""Files and folders that are written whole or not at all, and locks between processes."""

import fcntl
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from earthgql.errors import BadInputError

_DRAFT = ".new-"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the name ``path`` when the block ends without an error.

    A file of that name is replaced then; it stays as it is if the block fails. Where the file
    system has files without a name (``O_TMPFILE``), a killed process leaves nothing behind.

    Yields:
        The file, open for bytes.

    Raises:
        BadInputError: if the folder does not exist or may not be written to, or if ``path`` is
            something else than a file.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise BadInputError(f"there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise BadInputError(f"{path} is no file, so it cannot be replaced by one")
    draft = _draft_name(path)
    try:
        with _open_draft(path.parent, draft) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not draft.exists():
                _give_name(file, draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def draft(path: Path, *, alone: bool = False) -> Iterator[Path]:
    """Name a file or folder for the block to make, which becomes ``path`` if the block succeeds.

    For libraries and programs that write to a name and not to an open file. What ``path`` was
    before is replaced; it stays as it is if the block fails or makes nothing. A killed process
    leaves its draft behind.

    Args:
        path: file or folder; its parents are made.
        alone: whether no other process writes ``path`` now, for the caller holds a lock or owns the
            folder: drafts that killed processes left are deleted first.

    Yields:
        An unused name in the same folder, with the same suffix.

    Raises:
        OSError: if the disk refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if alone:
        for left in path.parent.glob(f"{_DRAFT}*-{glob.escape(path.name)}"):
            _delete(left)
    made = _draft_name(path)
    try:
        yield made
        if made.exists():
            _replace(path, made)
    finally:
        _delete(made)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; the system frees it even when one is killed.

    Args:
        path: the lock's file, which is made in an existing folder and stays.

    Raises:
        OSError: if the file cannot be made.
    """
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _draft_name(path: Path) -> Path:
    return path.with_name(f"{_DRAFT}{secrets.token_hex(4)}-{path.name[-100:]}")


def _replace(path: Path, made: Path) -> None:
    """Rename a draft; a folder that it replaces is put aside first, and back if that fails."""
    if not path.is_dir():
        made.replace(path)
        return
    old = _draft_name(path)
    path.rename(old)
    try:
        made.rename(path)
    except OSError:
        old.rename(path)
        raise
    _delete(old)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _open_draft(folder: Path, draft: Path) -> BinaryIO:
    try:
        return open(os.open(folder, getattr(os, "O_TMPFILE", 0) | os.O_WRONLY, 0o666), "wb")  # noqa: PTH123
    except OSError:  # the file system, or the system, has no such files
        try:
            return draft.open("xb")
        except PermissionError:
            raise BadInputError(f"{folder} may not be written to") from None


def _give_name(file: BinaryIO, draft: Path) -> None:
    # Only with a descriptor of a folder is the link behind the first path followed.
    folder = os.open(draft.parent, os.O_RDONLY)
    try:
        os.link(f"/proc/self/fd/{file.fileno()}", draft.name, dst_dir_fd=folder)
    finally:
        os.close(folder)
