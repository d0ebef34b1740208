"""Jobs: classifications of areas in the background, started, cancelled and looked up."""

from datetime import datetime
from enum import Enum
from typing import Annotated, Self

import strawberry
from strawberry import relay

from earthgql.api import ids
from earthgql.api.context import RequestInfo
from earthgql.api.paging.connections import After, Before, Connection, First, Last, Page
from earthgql.api.paging.cursors import Cursors
from earthgql.api.types.inputs import asked_model
from earthgql.api.types.nodes import Model
from earthgql.api.types.values import At, BoundsInput, GeoJSON, SceneName, Zoom
from earthgql.catalog.jobs import records as job_catalog
from earthgql.catalog.jobs.records import JobRecord
from earthgql.catalog.jobs.requests import AreaRequest
from earthgql.catalog.tiles.order import Position
from earthgql.database.engine import database_errors
from earthgql.errors import ModelUnavailableError, NotFoundError
from earthgql.imagery import grid


@strawberry.enum(description="How far a job has come.")
class JobStatus(Enum):
    """How far a job has come."""

    QUEUED = strawberry.enum_value("queued", description="No worker has taken it up yet.")
    RUNNING = strawberry.enum_value("running", description="Its tiles are being classified.")
    DONE = strawberry.enum_value(
        "done", description="All its tiles have scores, but for those that `failed` counts."
    )
    FAILED = strawberry.enum_value(
        "failed", description="It could not be begun; `errors` says why."
    )
    CANCELLED = strawberry.enum_value(
        "cancelled", description="It was cancelled; what had been classified stays so."
    )


@strawberry.type(description="What kept tiles of a job from being classified.")
class JobError:
    """What kept tiles of a job from being classified."""

    code: str = strawberry.field(
        description="As in extensions.code of other errors: IMAGE_UNREADABLE, MODEL_UNAVAILABLE."
    )
    message: str = strawberry.field(description="What happened to the first of them.")
    tiles: int = strawberry.field(
        description="How many; 0 if it kept the whole job from being begun."
    )


@strawberry.type(
    description="The classification of an area in the background. It goes on when nobody asks for "
    "it, and when servers and workers are restarted."
)
class Job(relay.Node):
    """The classification of an area in the background."""

    row_id: relay.NodeID[int]
    model_id: strawberry.Private[int]
    status: JobStatus = strawberry.field(description="How far it has come.")
    total: int | None = strawberry.field(
        description="Tiles of the area; null until they have been counted."
    )
    done: int = strawberry.field(
        description="Tiles of the area that have scores, those included that had them before."
    )
    already_done: int = strawberry.field(description="How many of them had scores before.")
    failed: int = strawberry.field(
        description="Tiles that could not be classified; `errors` says why."
    )
    rate: float | None = strawberry.field(
        description="Tiles a second: of late, or over all once it is finished."
    )
    eta: datetime | None = strawberry.field(
        description="When it will be finished if it goes on at this rate."
    )
    errors: list[JobError] = strawberry.field(description="What kept tiles from being classified.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(
        description="When its tiles had been counted, and a worker began with them."
    )
    finished_at: datetime | None = strawberry.field(
        description="When it ended, whatever way; null until then."
    )

    @classmethod
    def of(cls, record: JobRecord) -> Self:
        """Make the API's job of a catalogue's."""
        return cls(
            row_id=record.id,
            model_id=record.model_id,
            status=JobStatus(record.status),
            total=record.total,
            done=record.known + record.done,
            already_done=record.known,
            failed=record.failed,
            rate=record.rate,
            eta=record.eta,
            errors=[JobError(**failure._asdict()) for failure in record.failures],
            created_at=record.created_at,
            started_at=record.started_at,
            finished_at=record.finished_at,
        )

    @strawberry.field(
        description="URL of its progress as server-sent events: `progress` about once a second, "
        "`end` when it is finished."
    )
    def events_url(self, info: RequestInfo) -> str:
        """Say where its progress is told."""
        return f"{info.context.base_url}jobs/{self.row_id}/events"

    @strawberry.field(description="The model that classifies.")
    async def model(self, info: RequestInfo) -> Model:
        """Find the model, for all jobs of the request at once."""
        record = await info.context.loaders.model.load(self.model_id)
        if record is None:
            raise NotFoundError("the model was deleted while the job was being read")
        return Model.of(record)


JobId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of a job.")]


@strawberry.type
class JobQueries:
    """What one can ask about jobs."""

    @strawberry.field(description="One job as it is now, or null if there is none of this id.")
    async def job(self, info: RequestInfo, id: JobId) -> Job | None:
        """Find a job."""
        return await find_job(info, ids.decode_as("Job", id))

    @strawberry.field(
        description="All jobs, oldest first: `last: 10` for the newest. Null only on errors."
    )
    async def jobs(
        self,
        info: RequestInfo,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Job] | None:
        """List the jobs."""
        info.context.loaders.note_live()
        page = Page(Cursors("jobs"), first, after, last, before)

        async def count() -> int:
            with info.context.loaders.connection() as connection:
                return job_catalog.count_jobs(connection)

        with info.context.loaders.connection() as connection:
            rows = job_catalog.list_jobs(
                connection,
                limit=page.limit,
                after=page.after.id if page.after is not None else None,
                before=page.before.id if page.before is not None else None,
                backward=page.backward,
            )
        return Connection[Job].of(page, rows, node=Job.of, place=_place, count=count)


@strawberry.type(description="What one can have done.")
class Mutation:
    """What one can have done."""

    @strawberry.mutation(
        description="Classify all tiles of an area in the background, those that have no scores "
        "yet. Asked again for the same while it is under way, it answers with the same job. An "
        "area without tiles is a finished job. Null only on errors."
    )
    async def classify_area(
        self,
        info: RequestInfo,
        *,
        bounds: Annotated[
            BoundsInput | None,
            strawberry.argument(description="The area, as a rectangle; or give `polygon`."),
        ] = None,
        polygon: Annotated[
            GeoJSON | None,
            strawberry.argument(
                description="The area, as a GeoJSON Polygon or MultiPolygon of at most 10,000 "
                "positions."
            ),
        ] = None,
        scene: SceneName = None,
        zoom: Zoom = None,
        at: At = None,
        model: Annotated[
            str | None,
            strawberry.argument(
                description="The model, which must be the one that this server runs (the default): "
                "name and version with a space between, or one of them where that is enough."
            ),
        ] = None,
    ) -> Job | None:
        """Start a job."""
        parts = None
        if bounds is not None:
            parts = grid.bounds(bounds.west, bounds.south, bounds.east, bounds.north)
        area = None if polygon is None or parts is not None else info.context.area(polygon)
        request = AreaRequest.of(parts, polygon, scene=scene, zoom=zoom, at=at, area=area)
        with database_errors():
            served = info.context.scoring.model
        asked = served if model is None else await asked_model(info, model)
        if asked.id != served.id:
            raise ModelUnavailableError(
                f"this server runs {served.identity.name} {served.identity.version}, and only that "
                f"can classify: ask a server that runs {asked.identity.name} "
                f"{asked.identity.version}"
            )
        with info.context.loaders.database_time():
            return Job.of(info.context.jobs.start(served, request))

    @strawberry.mutation(
        description="Cancel a job. What it has classified stays; a finished job stays as it is."
    )
    async def cancel_job(self, info: RequestInfo, id: JobId) -> Job | None:
        """Cancel a job."""
        row_id = ids.decode_as("Job", id)
        with info.context.loaders.database_time():
            return Job.of(info.context.jobs.cancel(row_id))


async def find_job(info: RequestInfo, row_id: int) -> Job | None:
    """Find a job by its row; answers that tell of one are not to be kept."""
    info.context.loaders.note_live()
    with info.context.loaders.connection() as connection:
        record = job_catalog.jobs_by_ids(connection, [row_id]).get(row_id)
    return None if record is None else Job.of(record)


def _place(record: JobRecord) -> Position:
    return Position(record.id)
