"""CSV tables that list the pictures of tiles, read strictly: no row is lost or misread in silence.

RFC 4180 with a header line; fields may also be separated by semicolons, tabs or bars, and the text
be UTF-8 or UTF-16, with or without a byte order mark.
"""

import codecs
import csv
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

from earthgql.errors import IngestError
from earthgql.ingest.picture_list import Picture, check_index

TABLE_COLUMNS = ("z_coord", "x_coord", "y_coord", "path")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*").fullmatch
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://").match
_DRIVE = re.compile(r"[A-Za-z]:[\\/]").match


class PictureTable:
    """The pictures that a CSV table lists (``id,z_coord,x_coord,y_coord,path``).

    Implements ``PictureList``. Pictures that do not exist are listed too, without a fingerprint:
    they may be added later, and until then their tiles cannot be read.
    """

    default_scheme = "tms"

    def __init__(self, table: Path, root: Path) -> None:
        """List the pictures of ``table``, whose paths start at ``root``."""
        self._table = table
        self._root = str(root)
        self._reset()

    def _reset(self) -> None:
        self._delimiter = ","
        self._listed = self._missing = self._backslashes = 0
        self._first_missing: str | None = None

    def __iter__(self) -> Iterator[Picture]:
        """Yield the pictures in the order of the rows.

        Raises:
            IngestError: naming the line that is wrong.
        """
        self._reset()
        for line, fields in self._rows():
            try:
                picture = self._picture(fields)
            except _BadRowError as error:
                self._fail(line, error)
            yield picture

    def twice(self, z: int, x: int, y: int) -> str:
        """Return a message of a tile that is listed twice, with both lines."""
        lines = []
        for line, (*numbers, _) in self._rows():
            if all(map(_WHOLE_NUMBER, numbers)) and tuple(map(int, numbers)) == (z, x, y):
                lines.append(line)
        return (
            f"{self._table} line {lines[1]}: z={z} x={x} y={y} is listed twice, "
            f"first in line {lines[0]}"
        )

    def scheme(self, chosen: str | None) -> tuple[str, Sequence[str]]:
        """Return how y is counted: as chosen, else from the south."""
        return chosen or self.default_scheme, ()

    def notes(self) -> Sequence[str]:
        """Return what was found while the rows were read."""
        notes = []
        if self._delimiter != ",":
            notes.append(f"the fields are separated by {_DELIMITERS[self._delimiter]}")
        if self._backslashes:
            notes.append(f"in {self._backslashes:,} paths, backslashes are read as slashes")
        if self._missing:
            all_of_them = self._missing == self._listed
            share = "all" if all_of_them else f"{self._missing:,} of"
            notes.append(
                f"warning: {share} {self._listed:,} pictures are missing, the first is "
                f"{self._first_missing}" + ("; is --root the right folder?" if all_of_them else "")
            )
        return notes

    def _fail(self, line: int, reason: object) -> NoReturn:
        raise IngestError(f"{self._table} line {line}: {reason}") from None

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield number of line and the fields z, x, y and path of all rows that are not empty."""
        with self._opened() as file:
            header_line = 1
            header = file.readline()
            if header.lower().startswith("sep="):  # a first line of Excel's
                header_line = 2
                header = file.readline()
            positions, width = self._columns(header, header_line)
            rows = csv.reader(file, delimiter=self._delimiter, strict=True)
            line = header_line + 1
            try:
                for row in rows:
                    if rows.line_num + header_line > line:
                        self._fail(line, "a quote is not closed")
                    if any(row) and any(field.strip() for field in row):
                        if len(row) > width and any(row[width:]):
                            self._fail(line, f"{len(row)} fields, but {width} columns")
                        if len(row) <= max(positions):
                            self._fail(line, "z, x, y must be whole numbers, and no field missing")
                        yield line, [row[position] for position in positions]
                    line = rows.line_num + header_line + 1
            except csv.Error as error:
                on_one_line = rows.line_num + header_line == line
                after_quote = on_one_line and "expected after" in str(error)
                self._fail(line, f"{error}" if after_quote else "a quote is not closed")

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        encoding = "utf-8"
        try:
            with self._table.open("rb") as file:
                encoding = _encoding(file.read(64))
            with self._table.open(newline="", encoding=encoding) as text:
                yield text
        except OSError as error:
            raise IngestError(f"{self._table} cannot be read: {error.strerror}") from None
        except UnicodeError:
            name = "UTF-16" if "16" in encoding else "UTF-8"
            reason = f"cannot be read as CSV: the text is not {name}, save it as UTF-8"
            self._fail(self._undecodable_line(encoding), reason)

    def _undecodable_line(self, encoding: str) -> int:
        with self._table.open(newline="", encoding=encoding, errors="replace") as file:
            return next((i for i, line in enumerate(file, 1) if "\ufffd" in line), 1)

    def _columns(self, header: str, line: int) -> tuple[list[int], int]:
        """Find the delimiter; return the positions of the columns, and the number of all."""
        for delimiter in _DELIMITERS:
            names = self._names(header, delimiter, line)
            if all(name in names for name in TABLE_COLUMNS):
                break
        else:
            names = self._names(header, ",", line)
            missing = [name for name in TABLE_COLUMNS if name not in names]
            self._fail(line, f"no column {', '.join(missing)} (the first line must name "
                             f"{', '.join(TABLE_COLUMNS)})")  # fmt: skip
        twice = [name for name in TABLE_COLUMNS if names.count(name) > 1]
        if twice:
            self._fail(line, f"there are two columns {twice[0]}")
        self._delimiter = delimiter
        return [names.index(name) for name in TABLE_COLUMNS], len(names)

    def _names(self, header: str, delimiter: str, line: int) -> list[str]:
        try:
            names = next(csv.reader([header], delimiter=delimiter, strict=True), [])
        except csv.Error:
            self._fail(line, "a quote is not closed")
        return [name.strip().lower() for name in names]

    def _picture(self, fields: list[str]) -> Picture:
        # Runs once per row of what may be a million: no Path objects here.
        z_text, x_text, y_text, path = fields
        if not (_WHOLE_NUMBER(z_text) and _WHOLE_NUMBER(x_text) and _WHOLE_NUMBER(y_text)):
            raise _BadRowError("z, x, y must be whole numbers, and no field missing")
        z, x, y = int(z_text), int(x_text), int(y_text)
        if problem := check_index(z, x, y):
            raise _BadRowError(problem)
        self._listed += 1
        _check_path(path)
        status = self._status(path)
        if status is None and (other := path.strip().replace("\\", "/")) != path:
            _check_path(other)
            self._backslashes += "\\" in path
            path, status = other, self._status(other)
        if status is None:
            if '"' in path:
                raise _BadRowError(f"a quote is not closed, or there is no picture {path!r}")
            self._missing += 1
            self._first_missing = self._first_missing or path
            return z, x, y, path, None
        if not stat.S_ISREG(status.st_mode):
            raise _BadRowError(f"{path!r} is not a file")
        return z, x, y, path, f"{status.st_size}-{status.st_mtime_ns}"

    def _status(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(f"{self._root}/{path}")  # noqa: PTH116
        except OSError:
            return None


def _check_path(path: str) -> None:
    if "://" in path and _URL(path):
        raise _BadRowError(f"{path!r} is a URL: pictures are files below --root, download them")
    outside = path[:1] in ("/", "\\") or (".." in path and ".." in re.split(r"[/\\]", path))
    if not path.strip() or outside or "\0" in path or (":" in path and _DRIVE(path)):
        raise _BadRowError(f"{path!r} is not a path below --root")


def _encoding(beginning: bytes) -> str:
    """Tell UTF-16 from UTF-8 by the byte order mark, else by where the zeros of ASCII are."""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding, zeros, others in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if beginning[zeros::2] and not any(beginning[zeros::2]) and all(beginning[others::2]):
            return encoding
    return "utf-8-sig"


class _BadRowError(Exception):
    """A row of a table is wrong; the caller adds the number of its line to the message."""
