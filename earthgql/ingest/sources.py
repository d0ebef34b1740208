"""What can be ingested: a source describes itself as one scene and lists its tiles in chunks."""

import hashlib
import json
from collections.abc import Iterator
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
        looked_at: how many candidates the chunk took, for the progress bar.
    """

    zoom: Integers
    x: Integers
    y: Integers
    paths: list[str] | None = None
    fingerprints: list[str | None] | None = None
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """What is stored with a scene besides its tiles."""

    acquired_at: datetime | None = None
    attribution: str | None = None
    rendering: dict[str, Any] = field(default_factory=dict)
    expected: int | None = None
    """Candidates its listing will look at, if known."""


class SceneSource(Protocol):
    """One scene to be."""

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
        """The folder nothing is opened outside of."""

    def fingerprint(self) -> str:
        """Return what changes when the source changes, or an option that shapes its tiles."""

    def given(self) -> SceneFacts:
        """Return date and attribution as whoever ingests gives them; None what they do not."""

    def facts(self) -> SceneFacts:
        """Return what is stored with the scene."""

    def chunks(self) -> Iterator[TileChunk]:
        """List the tiles; every call starts anew."""


def parse_date(value: str) -> datetime:
    """Parse an ISO 8601 date or time; UTC unless it says otherwise.

    Raises:
        IngestError: if it is neither, or none that the database can keep and give back.
    """
    try:
        parsed = datetime.fromisoformat(value.strip())
        parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        parsed.astimezone(UTC)  # as it comes back, within the years 1 to 9999
    except (ValueError, OverflowError):
        parsed = None
    if parsed is None or not has_storable_offset(parsed):
        raise IngestError(
            f"{value!r} is not an ISO 8601 date or time, such as 2020-05-18 or 2020-05-18T13:38Z"
            " (an offset is less than 16 hours)"
        )
    return parsed


def file_fingerprint(path: Path, *, sha256: bool) -> str:
    """Return size and mtime of a file, or its SHA-256.

    Raises:
        IngestError: if it cannot be read.
    """
    try:
        if sha256:
            with path.open("rb") as file:
                return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        status = path.stat()
    except OSError as error:
        raise IngestError(f"{path} cannot be read: {error.strerror}") from None
    return f"{status.st_size}-{status.st_mtime_ns}"


def with_options(fingerprint: str, options: dict[str, Any]) -> str:
    """Join a fingerprint with that of the options that shape the tiles of a scene."""
    encoded = json.dumps(options, sort_keys=True, default=str).encode()
    return f"{fingerprint};options:{hashlib.sha256(encoded).hexdigest()[:16]}"
