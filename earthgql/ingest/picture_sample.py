"""The first pictures of a source, decoded at ingest: how large they are, and whether they are any.

A file of unreadable tiles would be accepted otherwise, and every query of it would fail.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from earthgql.errors import ImageUnreadableError, IngestError
from earthgql.imagery.grid import TILE_PIXELS
from earthgql.imagery.pictures import picture_size

SAMPLED = 16
"""Pictures that are decoded, spread over the first ``LISTED``."""

LISTED = 4096
TILE_SIZES = tuple(TILE_PIXELS << shift for shift in range(5))
"""Sides of pictures that are one tile, 2 x 2, 4 x 4, ... tiles."""

_BEGINNINGS = {
    b"\x1f\x8b": "gzipped data, as vector tiles are",
    b"\x78\x9c": "data of zlib, as vector tiles are",
    b"\x78\xda": "data of zlib, as vector tiles are",
    b"\x1a": "vector tiles (pbf)",
    b"GIF8": "GIF pictures",
    b"BM": "BMP pictures",
    b"II*\0": "TIFF pictures",
    b"MM\0*": "TIFF pictures",
    b"\0\0\0\x0cjP": "JPEG 2000 pictures",
    b"%PDF": "PDF documents",
    b"SQLite": "SQLite databases",
    b"{": "JSON",
    b"<": "HTML or XML",
}
Sample = tuple[str, Callable[[], bytes]]
"""Name of a picture, for messages, and what reads it."""


@dataclass(frozen=True, slots=True)
class SampleResult:
    """What the first pictures show.

    Attributes:
        tiles_across: tiles a side of each picture: 2 for 512 x 512 pixels.
        notes: what is to be said of them.
    """

    tiles_across: int = 1
    notes: tuple[str, ...] = ()


def spread(count: int) -> list[int]:
    """Return up to ``SAMPLED`` of the numbers below ``count``, evenly spread, from 0."""
    return sorted({i * count // SAMPLED for i in range(SAMPLED)}) if count else []


def look_at(samples: Iterable[Sample], tile_size: int | None) -> SampleResult:
    """Decode pictures and tell how many tiles each of the source's is.

    Args:
        samples: of the source; none: nothing is known of its pictures.
        tile_size: chosen by the user, one of ``TILE_SIZES``; None: as the pictures are.

    Raises:
        IngestError: if none of them can be decoded, telling what they are instead.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    failures: list[str] = []
    for name, read in samples:
        try:
            sizes[_size(name, read)] += 1
        except ImageUnreadableError as error:
            failures.append(str(error))
    count = sizes.total() + len(failures)
    if failures and not sizes:
        looked_at = "all pictures" if count < SAMPLED else f"all {count} pictures looked at"
        raise IngestError(f"{looked_at} are unreadable: {failures[0]}")
    notes = []
    if failures:
        notes.append(
            f"warning: {len(failures)} of {count} pictures looked at are unreadable, "
            f"the first: {failures[0]}"
        )
    tiles_across = (tile_size or _common_size(sizes)) // TILE_PIXELS
    if tiles_across > 1 and tile_size is None:
        side, zooms = tiles_across * TILE_PIXELS, tiles_across.bit_length() - 1
        notes.append(
            f"its pictures are of {side} x {side} pixels: each is {tiles_across**2} tiles of "
            f"zoom + {zooms} (--tile-size 256 shrinks each to one tile)"
        )
    notes += _resized(sizes, count, tiles_across * TILE_PIXELS)
    return SampleResult(tiles_across, tuple(notes))


def _size(name: str, read: Callable[[], bytes]) -> tuple[int, int]:
    encoded = read()
    try:
        return picture_size(encoded, name=name)
    except ImageUnreadableError:
        if kind := _kind(encoded):
            raise ImageUnreadableError(f"{name} is no PNG, JPEG or WebP: {kind}") from None
        raise


def _kind(encoded: bytes) -> str | None:
    """Tell what is no picture by how it begins; None if that is not known."""
    if not encoded:
        return "it is empty"
    found = next((k for start, k in _BEGINNINGS.items() if encoded.startswith(start)), None)
    return f"it looks like {found}" if found else None


def _common_size(sizes: Counter[tuple[int, int]]) -> int:
    """Return the size that all pictures have, if they are whole tiles; else that of one tile."""
    if len(sizes) == 1:
        width, height = next(iter(sizes))
        if width == height and width in TILE_SIZES:
            return width
    return TILE_PIXELS


def _resized(sizes: Counter[tuple[int, int]], count: int, side: int) -> Sequence[str]:
    others = Counter({size: n for size, n in sizes.items() if size != (side, side)})
    if not others:
        return ()
    (width, height), _ = others.most_common(1)[0]
    return (
        f"{others.total()} of {count} pictures looked at are resized to {side} x {side} pixels, "
        f"such as one of {width} x {height}",
    )
