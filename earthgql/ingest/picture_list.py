"""The interface of what lists the pictures of a pyramid: a folder or a table."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from earthgql.imagery.grid import MAX_ZOOM

Picture = tuple[int, int, int, str, str | None]
"""z, x, y in the numbering of the scheme, path below the folder, fingerprint."""


class PictureList(Protocol):
    """Lists pictures; iterating starts at the first each time."""

    def __iter__(self) -> Iterator[Picture]:
        """Yield the pictures, whose indexes are those of tiles in the grid."""

    def twice(self, z: int, x: int, y: int) -> str:
        """Return a message of a tile that is listed twice, by its index as it is written."""

    def scheme(self, chosen: str | None) -> tuple[str, Sequence[str]]:
        """Return "xyz" or "tms", and what is to be said about it.

        Args:
            chosen: by the user, if so.

        Raises:
            IngestError: if the tiles are not those of WebMercatorQuad.
        """

    def notes(self) -> Sequence[str]:
        """Return what was found when the pictures were listed, a line each."""


def check_index(z: int, x: int, y: int) -> str | None:
    """Return what is wrong with an index as it is written, None if it is in the grid."""
    if not 0 <= z <= MAX_ZOOM:
        return f"z={z} x={x} y={y} is not in the grid: zooms are 0 to {MAX_ZOOM}"
    last = (1 << z) - 1
    if 0 <= x <= last and 0 <= y <= last:
        return None
    return f"z={z} x={x} y={y} is not in the grid: beyond 0 to {last}, the numbers of zoom {z}"
