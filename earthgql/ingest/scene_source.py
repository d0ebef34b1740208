"""The interface of everything that can be ingested: a scene that lists its tiles in chunks."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from earthgql.catalog.json_input import has_storable_offset
from earthgql.errors import IngestError

CHUNK = 20_000
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TileChunk:
    """Some tiles of a scene, y counted from the north.

    Attributes:
        zoom: int64 [n].
        x: int64 [n].
        y: int64 [n].
        paths: pictures below the scene's folder; None where the scene is one file.
        fingerprints: of the pictures, None for those that do not exist.
        candidates: tiles that were checked for this chunk, for the progress bar.
    """

    zoom: Integers
    x: Integers
    y: Integers
    paths: list[str] | None = None
    fingerprints: list[str | None] | None = None
    candidates: int = 0


@dataclass(frozen=True, slots=True)
class SceneMetadata:
    """What is stored with a scene besides its tiles.

    Attributes:
        acquired_at: time of acquisition, if known.
        attribution: whom to credit for the imagery.
        rendering: bands, stretch and palette of a raster; see ``TileSource``.
        expected: candidate tiles that listing will check, if known; not stored.
    """

    acquired_at: datetime | None = None
    attribution: str | None = None
    rendering: dict[str, Any] = field(default_factory=dict)
    expected: int | None = None


class SceneSource(Protocol):
    """A source that is ingested as one scene."""

    @property
    def name(self) -> str:
        """Unique name of the scene."""

    @property
    def kind(self) -> str:
        """One of "raster", "pyramid" and "mbtiles"."""

    @property
    def uri(self) -> str:
        """The file or folder, absolute."""

    @property
    def root(self) -> str:
        """The folder outside which nothing is opened."""

    def fingerprint(self) -> str:
        """Return text that changes with the source, and with options that decide its tiles."""

    def user_metadata(self) -> SceneMetadata:
        """Return the date and attribution that the user chose; None where none was chosen."""

    def metadata(self) -> SceneMetadata:
        """Return what is stored with the scene."""

    def notes(self) -> Sequence[str]:
        """Return what was decided for the user, a line each; complete once tiles were listed."""

    def chunks(self) -> Iterator[TileChunk]:
        """List the tiles; every call starts at the first."""


def parse_date(value: str) -> datetime:
    """Parse an ISO 8601 date or time; UTC unless it says otherwise.

    Raises:
        IngestError: if it is neither, or one that the database cannot store and return.
    """
    try:
        parsed = datetime.fromisoformat(value.strip())
        parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        parsed.astimezone(UTC)  # as it is read back, within the years 1 to 9999
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None or not has_storable_offset(parsed):
        raise IngestError(
            f"{value!r} is not an ISO 8601 date or time, such as 2020-05-18 or 2020-05-18T13:38Z"
            " (an offset is less than 16 hours)"
        )
    return parsed


def file_fingerprint(path: Path, *, sha256: bool) -> str:
    """Return size and mtime of a file, with its SHA-256 if asked for.

    Raises:
        IngestError: if it cannot be read.
    """
    try:
        status = path.stat()
        fingerprint = f"{status.st_size}-{status.st_mtime_ns}"
        if sha256:
            with path.open("rb") as file:
                fingerprint += f";sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise IngestError(f"{path.name} cannot be read: {error.strerror}") from None
    return fingerprint


def is_same_fingerprint(stored: str, current: str) -> bool:
    """Tell whether a source is as it was: by content where both tell it, else by size and mtime.

    Options must be the same in any case.
    """
    before, now = _fingerprint_parts(stored), _fingerprint_parts(current)
    key = "sha256" if "sha256" in before and "sha256" in now else "file"
    if before.get("options") != now.get("options"):
        return False
    return before.get(key) is not None and before.get(key) == now.get(key)


def _fingerprint_parts(fingerprint: str) -> dict[str, str]:
    """Split into "sha256", "options" and "file", which is size and mtime or a list's hash."""
    parts = (part.partition(":") for part in fingerprint.split(";"))
    return {k if k in ("sha256", "options") else "file": v or k for k, _, v in parts}


def with_options(fingerprint: str, options: dict[str, Any]) -> str:
    """Append a hash of the options that decide the tiles of a scene to a fingerprint."""
    encoded = json.dumps(options, sort_keys=True, default=str).encode()
    return f"{fingerprint};options:{hashlib.sha256(encoded).hexdigest()[:16]}"
