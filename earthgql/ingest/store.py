"""One source into the database: scene row and tiles in one transaction, or nothing."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2.errors
from sqlalchemy import Connection, Engine, Row, text

from earthgql.errors import IngestError
from earthgql.ingest.rows import COLUMNS, Extent, check, copy_text, edges
from earthgql.ingest.sources import SceneFacts, SceneSource, TileChunk

Progress = Callable[[int], None]

# So many new tiles change what the planner should know, at once rather than some minute later.
_MANY = 1_000

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
_STAGE = text("CREATE TEMPORARY TABLE staged (LIKE tile) ON COMMIT DROP")
_STAGE_ANY_ID = text("ALTER TABLE staged ALTER id DROP NOT NULL")
# Pictures that did not change keep their row, its id and its scores.
_DROP_CHANGED = text("""
DELETE FROM tile t WHERE scene_id = :id AND NOT EXISTS (
  SELECT FROM staged s WHERE (s.z, s.x, s.y) = (t.z, t.x, t.y)
     AND s.path = t.path AND s.fingerprint = t.fingerprint)
""")
_DROP_ALL = text("DELETE FROM tile WHERE scene_id = :id")
_COLUMNS = ", ".join(COLUMNS)
_LACKS = {
    "raster": "none has enough valid pixels: see --min-valid",
    "pyramid": "a picture is z/x/y.png, .jpg or .webp, or a row of the table",
    "mbtiles": "its table of tiles is empty",
}
_UNSTAGE = text(
    f"INSERT INTO tile ({_COLUMNS}) SELECT {_COLUMNS} FROM staged "  # noqa: S608
    "ON CONFLICT (scene_id, z, x, y) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source.

    Attributes:
        name: of the scene.
        status: "new", "changed", "amended" (in date or attribution alone), "unchanged", "dry run"
            or "failed".
        tiles: how many the scene has (0 when amended, unchanged or failed).
        zooms: of its tiles.
        seconds: taken.
        reason: why it failed.
    """

    name: str
    status: str
    tiles: int = 0
    zooms: tuple[int, ...] = field(default=())
    seconds: float = 0.0
    reason: str | None = None


def _silent(_: int) -> None:
    return


def store(
    engine: Engine, source: SceneSource, *, replace: bool = False, progress: Progress = _silent
) -> Outcome:
    """Ingest a source, in one transaction; a second time changes nothing.

    A scene of the same name from the same source is brought up to date if its fingerprint
    changed: tiles whose picture changed lose their stored scores, all of them in a raster or
    MBTiles file. Otherwise date and attribution are amended where they are given, and all tiles
    and scores stay. Two at once for the same name take turns.

    Args:
        engine: of the database.
        source: what to ingest.
        replace: ingest even if nothing changed, dropping all scores, and even if the scene of
            this name came from another source.
        progress: told how many candidates were looked at, chunk by chunk.

    Raises:
        IngestError: if there is nothing to ingest, or the name is another source's.
        ImageUnreadableError: if the source cannot be read.
    """
    with engine.begin() as conn:
        conn.execute(text("SET LOCAL statement_timeout = 0"))
        conn.execute(_LOCK, {"name": source.name})
        existing = conn.execute(_FIND, {"name": source.name}).one_or_none()
        if existing and not replace:
            _check_same(existing, source)
            if existing.fingerprint == source.fingerprint():
                amended = _amend(conn, existing, source.given())
                return Outcome(source.name, "amended" if amended else "unchanged")
        if source.kind != "pyramid":  # whose fingerprint is that of the list itself
            # Before the file is looked at: what changes meanwhile counts as changed the next time.
            source.fingerprint()
        facts = source.facts()
        if existing:
            scene_id = int(existing.id)
            extent = _update(conn, scene_id, source, progress, keep=not replace)
        else:
            scene_id = _insert(conn, source)
            extent = _copy(conn, scene_id, source, progress, table="tile")
        _describe(conn, scene_id, source, facts, extent)
    if extent.count >= _MANY:
        _analyze(engine)
    status = "changed" if existing else "new"
    return Outcome(source.name, status, extent.count, tuple(sorted(extent.zooms)))


def rehearse(source: SceneSource, *, progress: Progress = _silent) -> Outcome:
    """List the tiles of a source as ``store`` would, without a database."""
    source.facts()
    extent = Extent()
    for chunk in _checked(source, progress):
        extent.add(chunk, edges(chunk))
    _check_any(source, extent)
    return Outcome(source.name, "dry run", extent.count, tuple(sorted(extent.zooms)))


def _check_same(existing: Row[Any], source: SceneSource) -> None:
    if (existing.kind, existing.uri) != (source.kind, source.uri):
        raise IngestError(
            f"a scene named {source.name!r} exists, of {existing.uri}; "
            "give this one another --name, or --replace that one"
        )


def _amend(conn: Connection, existing: Row[Any], given: SceneFacts) -> bool:
    """Note date and attribution where they are given; what is not given stays as it is."""
    known = (existing.acquired_at, existing.attribution)
    told = (given.acquired_at or known[0], given.attribution or known[1])
    if told == known:
        return False
    values = {"id": existing.id, "acquired_at": told[0], "attribution": told[1]}
    conn.execute(_AMEND, values)
    return True


def _check_any(source: SceneSource, extent: Extent) -> None:
    if not extent.count:
        raise IngestError(f"{source.uri} has no tile ({_LACKS[source.kind]})")


def _checked(source: SceneSource, progress: Progress) -> Iterator[TileChunk]:
    for chunk in source.chunks():
        check(chunk)
        yield chunk
        progress(chunk.looked_at)


def _insert(conn: Connection, source: SceneSource) -> int:
    values = {"name": source.name, "kind": source.kind, "uri": source.uri, "root": source.root}
    return int(conn.execute(_INSERT, values).scalar_one())


def _update(
    conn: Connection, scene_id: int, source: SceneSource, progress: Progress, *, keep: bool
) -> Extent:
    if not (keep and source.kind == "pyramid"):
        conn.execute(_DROP_ALL, {"id": scene_id})
        return _copy(conn, scene_id, source, progress, table="tile")
    conn.execute(_STAGE)
    conn.execute(_STAGE_ANY_ID)
    extent = _copy(conn, scene_id, source, progress, table="staged")
    conn.execute(text("CREATE UNIQUE INDEX ON staged (z, x, y)"))
    conn.execute(text("ANALYZE staged"))
    conn.execute(_DROP_CHANGED, {"id": scene_id})
    conn.execute(_UNSTAGE)
    return extent


def _copy(
    conn: Connection, scene_id: int, source: SceneSource, progress: Progress, *, table: str
) -> Extent:
    extent = Extent()

    def rows() -> Iterator[bytes]:
        for chunk in _checked(source, progress):
            corners = edges(chunk)
            extent.add(chunk, corners)
            yield copy_text(scene_id, chunk, corners)

    statement = f"COPY {table} ({_COLUMNS}) FROM STDIN"
    stream = _Stream(rows())
    driver = conn.connection.driver_connection
    if driver is None:
        raise IngestError("the connection to the database was lost")
    with driver.cursor() as cursor:
        try:
            cursor.copy_expert(statement, stream, size=1 << 18)
        except psycopg2.errors.UniqueViolation as error:
            raise IngestError(f"{source.uri}: {_twice(error)}") from None
        except psycopg2.Error:
            if stream.error:  # psycopg2 hides what went wrong in our own rows
                raise stream.error from None
            raise
    if stream.error:
        raise stream.error
    _check_any(source, extent)
    return extent


def _twice(error: psycopg2.errors.UniqueViolation) -> str:
    detail = (error.diag.message_detail or "").partition(")=(")[2].partition(")")[0]
    cell = "/".join(part.strip() for part in detail.split(",")[1:])
    return f"tile {cell} is listed twice (z/x/y, y from the north)"


def _analyze(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE tile, scene"))


def _describe(
    conn: Connection, scene_id: int, source: SceneSource, facts: SceneFacts, extent: Extent
) -> None:
    zooms = sorted(extent.zooms)
    conn.execute(
        _UPDATE,
        {
            "id": scene_id,
            "kind": source.kind,
            "uri": source.uri,
            "root": source.root,
            "zoom": zooms[-1],
            "zooms": zooms,
            "acquired_at": facts.acquired_at,
            "attribution": facts.attribution,
            "rendering": json.dumps(facts.rendering),
            "fingerprint": source.fingerprint(),
            **extent.bounds()._asdict(),
        },
    )


class _Stream(io.RawIOBase):
    """Rows as the file that psycopg2's COPY reads, so that only one chunk is ever in memory."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")
        self.error: BaseException | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            try:
                self._rest = memoryview(next(self._chunks))
            except StopIteration:
                return b""
            except BaseException as error:
                self.error = error
                raise
        size = len(self._rest) if size < 0 else size
        head, self._rest = self._rest[:size], self._rest[size:]
        return bytes(head)
