"""Exports as they are written: by a server to a client, or by a command to a file."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Engine

from earthgql.catalog.tiles.export import ExportRow, export_rows, streaming
from earthgql.exports import geojson, parquet, table
from earthgql.exports.columns import Columns
from earthgql.exports.selection import ExportForm, FindModel, select

Write = Callable[[Columns, Iterable[Sequence[ExportRow]]], Iterator[bytes]]
Progress = Callable[[int], object]


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        media_type: as HTTP names it.
        write: yields the file, piece by piece.
    """

    media_type: str
    write: Write


FORMATS = {
    "geojson": Format("application/geo+json", geojson.write),
    "csv": Format("text/csv; charset=utf-8; header=present", table.write),
    "parquet": Format("application/vnd.apache.parquet", parquet.write),
}
"""By the ending of the file's name."""


def export(
    engine: Engine,
    form: ExportForm,
    find_model: FindModel,
    write: Write,
    progress: Progress = int,
) -> Generator[bytes, None, None]:
    """Yield a file piece by piece.

    What is asked has been found good when the first piece comes; an error after that means that
    the file is not whole. No piece is empty.

    Args:
        engine: where to read; a connection is held until the end, or until this is closed.
        form: which tiles.
        find_model: finds the model that is asked for.
        write: one of ``FORMATS``.
        progress: told the number of tiles of each chunk that was written.

    Raises:
        BadInputError: as ``select``, or if there is no such scene.
        NotFoundError: if there is no such model.
        DatabaseUnavailableError: also midway.
    """
    with streaming(engine) as conn:
        selection = select(conn, form, find_model)
        rows = export_rows(
            conn,
            selection.parts,
            selection.where,
            model_id=selection.model.id,
            labels=len(selection.model.identity.labels),
        )
        first = next(rows, [])
        chunks = _told(chain([first] if first else [], rows), progress)
        yield from filter(None, write(Columns(selection), chunks))


def _told(chunks: Iterable[list[ExportRow]], progress: Progress) -> Iterator[list[ExportRow]]:
    for chunk in chunks:
        yield chunk
        progress(len(chunk))
