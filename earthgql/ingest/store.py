"""Writes a source into the database: its scene and tiles in one transaction."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2.errors
from sqlalchemy import Connection, Engine, Row, text

from earthgql.errors import IngestError, NoTilesError
from earthgql.ingest.scene_source import (
    SceneMetadata,
    SceneSource,
    TileChunk,
    is_same_fingerprint,
)
from earthgql.ingest.tile_rows import COLUMNS, TileSummary, check_in_grid, copy_text, tile_edges

Progress = Callable[[int], None]

# From so many new tiles on, the planner's statistics are updated at once.
_ANALYZE_FROM = 1_000

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('earthgql.scene ' || :name, 0))")
_FIND = text("""
SELECT id, kind, uri, fingerprint, acquired_at, attribution
  FROM scene WHERE name = :name FOR UPDATE
""")
_INSERT = text("""
INSERT INTO scene (name, kind, uri, root, zoom, footprint, fingerprint)
VALUES (:name, :kind, :uri, :root, 0, ST_MakeEnvelope(0, 0, 0, 0, 4326), '') RETURNING id
""")
_UPDATE = text("""
UPDATE scene SET kind = :kind, uri = :uri, root = :root, zoom = :zoom, zooms = :zooms,
       acquired_at = :acquired_at, footprint = ST_MakeEnvelope(:west, :south, :east, :north, 4326),
       attribution = :attribution,
       rendering = CAST(:rendering AS jsonb), fingerprint = :fingerprint, ingested_at = now()
 WHERE id = :id
""")
_AMEND = text(
    "UPDATE scene SET acquired_at = :acquired_at, attribution = :attribution WHERE id = :id"
)
_SET_FINGERPRINT = text("UPDATE scene SET fingerprint = :fingerprint WHERE id = :id")
_SCENES_OF_FILE = text(
    "SELECT name FROM scene WHERE uri = :uri AND kind = :kind AND name <> :name ORDER BY name"
)
_STAGE = text("CREATE TEMPORARY TABLE staged (LIKE tile) ON COMMIT DROP")
_STAGE_WITHOUT_ID = text("ALTER TABLE staged ALTER id DROP NOT NULL")
# Pictures that did not change keep their row, its id and its scores.
_DELETE_CHANGED = text("""
DELETE FROM tile t WHERE scene_id = :id AND NOT EXISTS (
  SELECT FROM staged s WHERE (s.z, s.x, s.y) = (t.z, t.x, t.y)
     AND s.path = t.path AND s.fingerprint = t.fingerprint)
""")
_DELETE_ALL = text("DELETE FROM tile WHERE scene_id = :id")
_COLUMNS = ", ".join(COLUMNS)
_WHY_EMPTY = {
    "raster": "none has enough valid pixels",
    "pyramid": "a picture is z/x/y.png, .jpg or .webp, or a row of the table",
    "mbtiles": "its table of tiles is empty",
}
_INSERT_STAGED = text(
    f"INSERT INTO tile ({_COLUMNS}) SELECT {_COLUMNS} FROM staged "  # noqa: S608
    "ON CONFLICT (scene_id, z, x, y) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The result of ingesting one source.

    Attributes:
        name: of the scene.
        status: "new", "changed", "amended" (in date or attribution alone), "unchanged", "dry run",
            "without tiles" or "failed".
        tiles: how many the scene has (0 when amended, unchanged or failed).
        zooms: of its tiles.
        seconds: that it took.
        reason: why it failed, if it did.
        same_file: other scenes that were made of the same file.
    """

    name: str
    status: str
    tiles: int = 0
    zooms: tuple[int, ...] = field(default=())
    seconds: float = 0.0
    reason: str | None = None
    same_file: tuple[str, ...] = ()


def _silent(_: int) -> None:
    return


def store(
    engine: Engine, source: SceneSource, *, replace: bool = False, progress: Progress = _silent
) -> IngestResult:
    """Ingest a source in one transaction; ingesting it again changes nothing.

    A scene of the same name from the same source is updated if its fingerprint changed: tiles
    whose picture changed lose their stored scores, in a raster or MBTiles file all tiles do.
    Otherwise only the date and attribution that the user chose are updated. Concurrent calls for
    the same name run one after the other.

    Args:
        engine: of the database.
        source: what to ingest.
        replace: ingest even if nothing changed, deleting all scores, and even if the scene of
            this name came from another source.
        progress: called with the number of candidate tiles checked, chunk by chunk.

    Raises:
        IngestError: if there is nothing to ingest, or the name is another source's.
        ImageUnreadableError: if the source cannot be read.
    """
    with engine.begin() as conn:
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        conn.execute(_LOCK, {"name": source.name})
        existing = conn.execute(_FIND, {"name": source.name}).one_or_none()
        if existing and not replace:
            _check_same_source(existing, source)
            if is_same_fingerprint(existing.fingerprint, source.fingerprint()):
                _add_sha256(conn, existing, source.fingerprint())
                amended = _amend(conn, existing, source.user_metadata())
                return IngestResult(source.name, "amended" if amended else "unchanged")
        if source.kind != "pyramid":  # whose fingerprint is made while its tiles are listed
            # Before the file is read: if it changes meanwhile, the next ingest notices.
            source.fingerprint()
        metadata = source.metadata()
        same_file: tuple[str, ...] = ()
        if existing:
            scene_id = int(existing.id)
            summary = _update(conn, scene_id, source, progress, keep=not replace)
        else:
            scene_id = _insert(conn, source)
            same_file = _scenes_of_file(conn, source)
            summary = _copy(conn, scene_id, source, progress, table="tile")
        _update_scene(conn, scene_id, source, metadata, summary)
    if summary.count >= _ANALYZE_FROM:
        _analyze(engine)
    status = "changed" if existing else "new"
    zooms = tuple(sorted(summary.zooms))
    return IngestResult(source.name, status, summary.count, zooms, same_file=same_file)


def dry_run(source: SceneSource, *, progress: Progress = _silent) -> IngestResult:
    """List the tiles of a source as ``store`` would, without a database.

    Raises:
        IngestError: if it has no tiles.
        ImageUnreadableError: if the source cannot be read.
    """
    source.metadata()
    summary = TileSummary()
    for chunk in _checked_chunks(source, progress):
        summary.add(chunk, tile_edges(chunk))
    _check_not_empty(source, summary)
    return IngestResult(source.name, "dry run", summary.count, tuple(sorted(summary.zooms)))


def _check_same_source(existing: Row[Any], source: SceneSource) -> None:
    if (existing.kind, existing.uri) != (source.kind, source.uri):
        raise IngestError(
            f"a scene named {source.name!r} exists, of {existing.uri}; "
            "give this one another --name, or --replace that one"
        )


def _add_sha256(conn: Connection, existing: Row[Any], fingerprint: str) -> None:
    """Note the SHA-256 of a file that did not change by size and mtime, for the next ingest."""
    if "sha256:" in fingerprint and "sha256:" not in existing.fingerprint:
        conn.execute(_SET_FINGERPRINT, {"id": existing.id, "fingerprint": fingerprint})


def _amend(conn: Connection, existing: Row[Any], chosen: SceneMetadata) -> bool:
    """Update date and attribution where the user chose them; return whether that changed them."""
    before = (existing.acquired_at, existing.attribution)
    after = (chosen.acquired_at or before[0], chosen.attribution or before[1])
    if after == before:
        return False
    values = {"id": existing.id, "acquired_at": after[0], "attribution": after[1]}
    conn.execute(_AMEND, values)
    return True


def _check_not_empty(source: SceneSource, summary: TileSummary) -> None:
    if not summary.count:
        raise NoTilesError(f"{Path(source.uri).name} has no tile ({_WHY_EMPTY[source.kind]})")


def _checked_chunks(source: SceneSource, progress: Progress) -> Iterator[TileChunk]:
    for chunk in source.chunks():
        check_in_grid(chunk)
        yield chunk
        progress(chunk.candidates)


def _scenes_of_file(conn: Connection, source: SceneSource) -> tuple[str, ...]:
    if source.kind == "pyramid":  # one folder may have many, each of a table
        return ()
    values = {"uri": source.uri, "kind": source.kind, "name": source.name}
    return tuple(conn.scalars(_SCENES_OF_FILE, values))


def _insert(conn: Connection, source: SceneSource) -> int:
    values = {"name": source.name, "kind": source.kind, "uri": source.uri, "root": source.root}
    return int(conn.execute(_INSERT, values).scalar_one())


def _update(
    conn: Connection, scene_id: int, source: SceneSource, progress: Progress, *, keep: bool
) -> TileSummary:
    if not (keep and source.kind == "pyramid"):
        conn.execute(_DELETE_ALL, {"id": scene_id})
        return _copy(conn, scene_id, source, progress, table="tile")
    conn.execute(_STAGE)
    conn.execute(_STAGE_WITHOUT_ID)
    summary = _copy(conn, scene_id, source, progress, table="staged")
    conn.execute(text("CREATE UNIQUE INDEX ON staged (z, x, y)"))
    conn.execute(text("ANALYZE staged"))
    conn.execute(_DELETE_CHANGED, {"id": scene_id})
    conn.execute(_INSERT_STAGED)
    return summary


def _copy(
    conn: Connection, scene_id: int, source: SceneSource, progress: Progress, *, table: str
) -> TileSummary:
    summary = TileSummary()

    def rows() -> Iterator[bytes]:
        for chunk in _checked_chunks(source, progress):
            edges = tile_edges(chunk)
            summary.add(chunk, edges)
            yield copy_text(scene_id, chunk, edges)

    statement = f"COPY {table} ({_COLUMNS}) FROM STDIN"
    stream = _Stream(rows())
    driver = conn.connection.driver_connection
    if driver is None:
        raise IngestError("the connection to the database was lost")
    with driver.cursor() as cursor:
        try:
            cursor.copy_expert(statement, stream, size=1 << 18)
        except psycopg2.errors.UniqueViolation as error:
            raise IngestError(f"{source.uri}: {_duplicate_message(error)}") from None
        except psycopg2.Error:
            if stream.error:  # psycopg2 hides errors raised while rows are made
                raise stream.error from None
            raise
    if stream.error:
        raise stream.error
    _check_not_empty(source, summary)
    return summary


def _duplicate_message(error: psycopg2.errors.UniqueViolation) -> str:
    detail = (error.diag.message_detail or "").partition(")=(")[2].partition(")")[0]
    cell = "/".join(part.strip() for part in detail.split(",")[1:])
    return f"tile {cell} is listed twice (z/x/y, y from the north)"


def _analyze(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE tile, scene"))


def _update_scene(
    conn: Connection,
    scene_id: int,
    source: SceneSource,
    metadata: SceneMetadata,
    summary: TileSummary,
) -> None:
    zooms = sorted(summary.zooms)
    conn.execute(
        _UPDATE,
        {
            "id": scene_id,
            "kind": source.kind,
            "uri": source.uri,
            "root": source.root,
            "zoom": zooms[-1],
            "zooms": zooms,
            "acquired_at": metadata.acquired_at,
            "attribution": metadata.attribution,
            "rendering": json.dumps(metadata.rendering),
            "fingerprint": source.fingerprint(),
            **summary.bounds()._asdict(),
        },
    )


class _Stream(io.RawIOBase):
    """A file of rows for psycopg2's COPY, made when they are read: one chunk is in memory."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._unread = memoryview(b"")
        self.error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._unread:
            try:
                self._unread = memoryview(next(self._chunks))
            except StopIteration:
                return b""
            except BaseException as error:
                self.error = error
                raise
        size = len(self._unread) if size < 0 else size
        head, self._unread = self._unread[:size], self._unread[size:]
        return bytes(head)
