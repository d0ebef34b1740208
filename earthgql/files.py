"""Files that are there as a whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from earthgql.errors import BadInputError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write a file that takes its name when the block ends well; before, there is nothing to see.

    What was under that name is replaced then, and stays as it is if the block fails. Where the file
    system can keep a file without a name (``O_TMPFILE``), a killed process leaves nothing either.

    Raises:
        BadInputError: if there is no such folder, it may not be written to, or something else than
            a file has that name.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise BadInputError(f"there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise BadInputError(f"{path} is no file, so it cannot be replaced by one")
    draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with _draft(path.parent, draft) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not draft.exists():
                _name(file, draft)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _draft(folder: Path, draft: Path) -> BinaryIO:
    try:
        return open(os.open(folder, getattr(os, "O_TMPFILE", 0) | os.O_WRONLY, 0o666), "wb")  # noqa: PTH123
    except OSError:  # the file system, or the system, has no such files
        try:
            return draft.open("xb")
        except PermissionError:
            raise BadInputError(f"{folder} may not be written to") from None


def _name(file: BinaryIO, draft: Path) -> None:
    # Only with a descriptor of a folder is the link behind the first path followed.
    folder = os.open(draft.parent, os.O_RDONLY)
    try:
        os.link(f"/proc/self/fd/{file.fileno()}", draft.name, dst_dir_fd=folder)
    finally:
        os.close(folder)
