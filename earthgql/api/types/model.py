"""``Model``: a named and versioned classifier; finding one, and the cutoffs of its labels."""

from typing import Self

import strawberry
from strawberry import relay

from earthgql.api.context import RequestInfo
from earthgql.api.costs import NAMES, cost
from earthgql.api.types.inputs import LabelCutoff
from earthgql.catalog.cutoffs import cutoffs_of
from earthgql.catalog.models import ModelRecord
from earthgql.errors import BadInputError, shortened


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


async def find_model(info: RequestInfo, name: str | None) -> ModelRecord:
    """Return the model of a ``model`` argument; None: that which this server runs.

    Raises:
        NotFoundError: if there is none of that name.
        BadInputError: if there are several.
        ModelUnavailableError: if none is named and there is none.
    """
    if name is None:
        return info.context.scoring.model
    return await info.context.loaders.model_named.load(name)


def label_cutoffs(
    info: RequestInfo,
    model: ModelRecord,
    cutoff: float | None,
    by_label: list[LabelCutoff] | None,
) -> tuple[float, ...]:
    """Return the cutoff of each label of a model, worked out once for all tiles of the request.

    Raises:
        BadInputError: if a cutoff is not between 0 and 1, or a label is not the model's or is
            repeated.
    """
    own = [(entry.label, entry.cutoff) for entry in by_label or ()]

    def work_out() -> tuple[float, ...]:
        for number, (label, _) in enumerate(own):
            if any(label == other for other, _ in own[:number]):
                raise BadInputError(f"cutoffs gives {shortened(label)} twice")
        return cutoffs_of(model.identity, cutoff, dict(own))

    return info.context.once(("cutoffs", model.id, cutoff, *own), work_out)
