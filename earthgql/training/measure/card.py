"""``MODEL_CARD.md``, made from a bundle's manifest, its evaluation, and how it came about."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from earthgql.errors import TrainingError
from earthgql.models.manifest import Manifest
from earthgql.training.measure.evaluation import summary, table


class Source(BaseModel):
    """Where pictures came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    address: str = Field("", description="public address; empty for what this repository makes")
    licence: str
    attribution: str = Field(description="the words the licence asks for")
    use: str = Field(description="what the pictures were used for")
    elsewhere: bool = Field(description="whether they must be fetched, not being in the repository")


class Account(BaseModel):
    """How a model came about, as far as its files do not tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    commands: tuple[str, ...] = Field(description="exact commands, in order")
    seed: int
    hours: float = Field(gt=0, description="of training")
    machine: str
    sources: tuple[Source, ...]
    measured_on: str = Field(description="what the evaluation's pictures are")
    notes: tuple[str, ...] = Field((), description="what else one must know to repeat it")
    limits: tuple[str, ...] = Field(min_length=1)
    forbidden: tuple[str, ...] = Field(min_length=1, description="what it must not be used for")


def read_account(path: Path) -> Account:
    """Read an account strictly.

    Raises:
        TrainingError: naming the file and each wrong field.
    """
    try:
        return Account.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TrainingError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TrainingError(f"{path} is no account of a model: {wrong}") from None


def read_evaluation(path: Path) -> dict[str, Any]:
    """Read what ``manage.py model evaluate --json`` wrote.

    Raises:
        TrainingError: if it is something else.
    """
    try:
        result = json.loads(path.read_bytes())
        if not {"f2", "labels", "baselines"} <= result.keys():
            raise ValueError("it lacks f2, labels or baselines")
    except (OSError, ValueError, AttributeError) as error:
        raise TrainingError(f"{path} is no evaluation: {error}") from None
    return dict(result)


def model_card(
    manifest: Manifest,
    result: Mapping[str, Any],
    account: Account,
    further: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """Write the card.

    Args:
        manifest: of the bundle.
        result: what ``evaluation.measure`` gave on the held-out split.
        account: how the model came about.
        further: other evaluations, by what they were measured on.

    Returns:
        Markdown.
    """
    parts = [
        f"# {manifest.name} {manifest.version}",
        f"{manifest.architecture}, {len(manifest.labels)} labels, input"
        f" {manifest.input.spec.size} x {manifest.input.spec.size}, kernels in"
        f" {manifest.weights.dtype}. Each label gets a score of its own, 0 to 1; a label counts as"
        " present from its threshold on, which was chosen on the validation split alone.",
        "## How good it is",
        f"Measured on {account.measured_on}.",
        summary(dict(result)),
        table(dict(result)),
        *(f"### {t}\n\n{summary(dict(r))}\n{table(dict(r))}" for t, r in (further or {}).items()),
        _domain(manifest),
        "## How it was made",
        f"Seed {account.seed}; {account.hours:.1f} hours of training on {account.machine}.",
        "```sh\n" + "\n".join(account.commands) + "\n```",
        _missing(account.sources),
        _bullets(account.notes),
        "## What it was made of",
        _sources(account.sources),
        "## Limits",
        _bullets(account.limits),
        "## Not to be used for",
        _bullets(account.forbidden),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _domain(manifest: Manifest) -> str:
    if manifest.domain is None:
        return ""
    summary = manifest.domain.summary
    return f"Beside the scores it tells how far a picture is from what it knows: {summary}."


def _missing(sources: Sequence[Source]) -> str:
    elsewhere = [source.name for source in sources if source.elsewhere]
    if not elsewhere:
        return "Every step runs from this repository alone."
    return f"Not in this repository, and needed by these commands: {', '.join(elsewhere)}."


def _sources(sources: Sequence[Source]) -> str:
    lines = ["| source | address | licence | attribution | used for |", "|---|---|---|---|---|"]
    for source in sources:
        cells = (source.name, source.address or "-", source.licence, source.attribution, source.use)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _bullets(items: Sequence[str]) -> str:
    return "\n".join(f"* {item}" for item in items)
