"""Jobs: classifications of areas in the background, started, cancelled and looked up."""

from typing import Annotated

import strawberry

from earthgql.api import ids
from earthgql.api.argument_groups import grouped
from earthgql.api.context import RequestInfo
from earthgql.api.costs import cost
from earthgql.api.paging.connections import Connection, connection_by_id
from earthgql.api.paging.page import PAGE_LENGTH, PageArguments
from earthgql.api.selection import rectangle
from earthgql.api.types.arguments import SceneArguments
from earthgql.api.types.inputs import BoundsInput
from earthgql.api.types.job import Job
from earthgql.api.types.model import find_model
from earthgql.api.types.values import GeoJSON
from earthgql.cancellation import working_for
from earthgql.catalog.jobs import records as job_catalog
from earthgql.catalog.jobs.requests import AreaRequest
from earthgql.database.engine import database_errors
from earthgql.errors import ModelUnavailableError

JobId = Annotated[strawberry.ID, strawberry.argument(description="The `id` of a job.")]


@strawberry.type
class JobQueries:
    """The queries about jobs."""

    @strawberry.field(description="One job as it is now, or null if there is none of this id.")
    async def job(self, info: RequestInfo, id: JobId) -> Job | None:
        """Find a job."""
        return await find_job(info, ids.decode_as("Job", id))

    @strawberry.field(
        metadata=cost(items=PAGE_LENGTH),
        description="All jobs, oldest first: `last: 10` for the newest. Null only on errors.",
    )
    @grouped
    async def jobs(self, info: RequestInfo, *, page: PageArguments) -> Connection[Job] | None:
        """List the jobs."""
        info.context.loaders.note_live()
        return connection_by_id(
            info,
            "jobs",
            page,
            rows=job_catalog.list_jobs,
            count=job_catalog.count_jobs,
            node=Job.of,
        )


@strawberry.type(description="Changes: background jobs.")
class Mutation:
    """The mutations."""

    @strawberry.mutation(
        metadata=cost(area=True),
        description="Classify all tiles of an area in the background, those that have no scores "
        "yet. While it is unfinished, a request for the same returns the same job. An "
        "area without tiles is a finished job. Null only on errors.",
    )
    @grouped
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
        source: SceneArguments,
        model: Annotated[
            str | None,
            strawberry.argument(
                description="The model, which must be the one that this server runs (the default): "
                "name and version with a space between, or one of them where that is enough."
            ),
        ] = None,
    ) -> Job | None:
        """Start a job."""
        parts = rectangle(bounds)
        area = None if polygon is None or parts is not None else info.context.area(polygon)
        request = AreaRequest.of(
            parts, polygon, scene=source.scene, zoom=source.zoom, at=source.at, area=area
        )
        with database_errors():
            served = info.context.scoring.model
        named = served if model is None else await find_model(info, model)
        if named.id != served.id:
            raise ModelUnavailableError(
                f"this server runs {served.identity.name} {served.identity.version}, and only that "
                f"can classify: ask a server that runs {named.identity.name} "
                f"{named.identity.version}"
            )
        # What a client asks to be done is done, also if it does not wait for the answer.
        with info.context.loaders.database_time(), working_for(None):
            return Job.of(info.context.jobs.start(served, request))

    @strawberry.mutation(
        description="Cancel a job. What it has classified stays; a finished job stays as it is."
    )
    async def cancel_job(self, info: RequestInfo, id: JobId) -> Job | None:
        """Cancel a job."""
        row_id = ids.decode_as("Job", id)
        with info.context.loaders.database_time(), working_for(None):
            return Job.of(info.context.jobs.cancel(row_id))


async def find_job(info: RequestInfo, row_id: int) -> Job | None:
    """Return the job of a row; no cache may keep an answer about a job."""
    info.context.loaders.note_live()
    with info.context.loaders.connection() as connection:
        record = job_catalog.jobs_by_ids(connection, [row_id]).get(row_id)
    return None if record is None else Job.of(record)
