"""Streams exports: from a server to a client, or from a command to a file."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Engine

from earthgql.catalog.tiles.export import ExportRow, export_rows, streaming
from earthgql.exports.fields import ExportFields
from earthgql.exports.parquet import write_parquet
from earthgql.exports.request import ExportRequest, FindModel, resolve
from earthgql.exports.text_formats import write_csv, write_geojson

Write = Callable[[ExportFields, Iterable[Sequence[ExportRow]]], Iterator[bytes]]
Progress = Callable[[int], object]


class Format(NamedTuple):
    """A file format.

    Attributes:
        media_type: for HTTP.
        write: yields the file in chunks.
    """

    media_type: str
    write: Write


FORMATS = {
    "geojson": Format("application/geo+json", write_geojson),
    "csv": Format("text/csv; charset=utf-8; header=present", write_csv),
    "parquet": Format("application/vnd.apache.parquet", write_parquet),
}
"""By the extension of the file's name."""


def export(
    engine: Engine,
    request: ExportRequest,
    find_model: FindModel,
    write: Write,
    progress: Progress = int,
) -> Generator[bytes, None, None]:
    """Yield a file in chunks.

    The request has been found valid when the first chunk comes; an error after that means that
    the file is incomplete. No chunk is empty.

    Args:
        engine: of the database; a connection is held until the end, or until this is closed.
        request: which tiles.
        find_model: finds the model of the request.
        write: of one of ``FORMATS``.
        progress: called with the number of tiles after each chunk.

    Raises:
        BadInputError: as ``resolve``, or if there is no such scene.
        NotFoundError: if there is no such model.
        DatabaseUnavailableError: also after some chunks.
    """
    with streaming(engine) as conn:
        resolved = resolve(conn, request, find_model)
        rows = export_rows(
            conn,
            resolved.parts,
            resolved.where,
            model_id=resolved.model.id,
            labels=len(resolved.model.identity.labels),
        )
        first = next(rows, [])
        chunks = _with_progress(chain([first] if first else [], rows), progress)
        yield from filter(None, write(ExportFields(resolved), chunks))


def _with_progress(
    chunks: Iterable[list[ExportRow]], progress: Progress
) -> Iterator[list[ExportRow]]:
    for chunk in chunks:
        yield chunk
        progress(len(chunk))
