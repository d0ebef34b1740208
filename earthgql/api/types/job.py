"""``Job``: the classification of an area in the background."""

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry
from strawberry import relay

from earthgql.api.context import RequestInfo
from earthgql.api.costs import ERROR_CODES, cost
from earthgql.api.types.model import Model
from earthgql.catalog.jobs.records import JobRecord
from earthgql.errors import NotFoundError


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
        description="Recent tiles a second; of the whole job when it is finished."
    )
    eta: datetime | None = strawberry.field(description="When it will be finished at this rate.")
    errors: list[JobError] = strawberry.field(
        metadata=cost(items=ERROR_CODES), description="What kept tiles from being classified."
    )
    created_at: datetime = strawberry.field(description="When it was requested.")
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
        """Return the URL of its events."""
        return f"{info.context.base_url}jobs/{self.row_id}/events"

    @strawberry.field(description="The model that classifies.")
    async def model(self, info: RequestInfo) -> Model:
        """Find the model, for all jobs of the request at once."""
        record = await info.context.loaders.model.load(self.model_id)
        if record is None:
            raise NotFoundError("the model was deleted while the job was being read")
        return Model.of(record)
