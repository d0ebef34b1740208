"""From which score on a label counts."""

from collections.abc import Mapping

from earthgql.catalog.filters import label_column, valid_score
from earthgql.classifiers.protocol import ModelIdentity


def cutoffs_of(
    identity: ModelIdentity, cutoff: float | None, by_label: Mapping[str, float] | None = None
) -> tuple[float, ...]:
    """Return the cutoff of each label of a model, in the order of its labels.

    Args:
        identity: of the model.
        cutoff: of all labels; None: each label's threshold that the model came with.
        by_label: of some labels, which counts before ``cutoff``.

    Raises:
        BadInputError: if a cutoff is not between 0 and 1, or a label is not the model's.
    """
    if cutoff is None:
        cutoffs = list(identity.thresholds)
    else:
        cutoffs = [valid_score("cutoff", cutoff)] * len(identity.labels)
    for label, own in (by_label or {}).items():
        cutoffs[label_column(identity, label) - 1] = valid_score(f"cutoff of {label}", own)
    return tuple(cutoffs)
