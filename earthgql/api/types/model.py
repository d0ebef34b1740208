"""``Model``: a classifier that scores are of."""

from typing import Self

import strawberry
from strawberry import relay

from earthgql.api.context import RequestInfo
from earthgql.api.costs import NAMES, cost
from earthgql.catalog.models import ModelRecord


@strawberry.type(description="A classifier, by name and version.")
class Model(relay.Node):
    """A classifier."""

    row_id: relay.NodeID[int]
    name: str = strawberry.field(description="Name of the model.")
    version: str = strawberry.field(description="Version of the model.")
    labels: list[str] = strawberry.field(
        metadata=cost(values=NAMES), description="All labels the model can give."
    )
    thresholds: list[float] = strawberry.field(
        metadata=cost(values=NAMES),
        description="Per label, in the same order: the score from which it counts by default.",
    )
    sha256: str = strawberry.field(
        description="Identity: a hash of weights, preprocessing and labels."
    )

    @classmethod
    def of(cls, record: ModelRecord) -> Self:
        """Make the API's model of a catalogue's."""
        identity = record.identity
        return cls(
            row_id=record.id,
            name=identity.name,
            version=identity.version,
            labels=list(identity.labels),
            thresholds=list(identity.thresholds),
            sha256=identity.sha256,
        )


def model_of(info: RequestInfo, record: ModelRecord) -> Model:
    """Return the API's model of a catalogue's, made once per request: all its tiles share one."""
    return info.context.once((Model, record.id), lambda: Model.of(record))
