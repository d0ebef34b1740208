"""What the training commands share: their options and where their pictures come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from earthgql.models.bundle import Bundle
    from earthgql.models.protocol import Classifier
    from earthgql.training.data.generated import Order
    from earthgql.training.data.samples import ArraySamples, Samples, Splits
    from earthgql.training.material.store import Order as Pictures
    from earthgql.training.run.training_plan import Plan

FORMATS = ("generated", "ground", "planet", "ucmerced", "folder")
SPLITS = ("train", "validation", "test")
ALL = "all"
FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
DEPTHS = {"shallow": (1, 1, 1, 1), "half": (2, 2, 2, 2), "full": (3, 4, 6, 3)}

Item = TypeVar("Item")


def list_of(kind: Callable[[str], Item]) -> Callable[..., tuple[Item, ...] | None]:
    """A click callback that reads a comma-separated list."""

    def read(
        ctx: click.Context, param: click.Parameter, value: str | None
    ) -> tuple[Item, ...] | None:
        try:
            return None if value is None else tuple(kind(part) for part in value.split(","))
        except (ValueError, KeyError):
            raise click.BadParameter(f"{value!r} is not such a list", ctx, param) from None

    return read


def _options(*options: Any) -> Callable[[Any], Any]:
    def give(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return give


_DATA = "Folder of the data set, or 'generated'."
_LAYOUT = (
    click.option(
        "--format",
        "format_",
        type=click.Choice(FORMATS),
        default="generated",
        show_default=True,
        help="Layout of the data set; see docs/model.md.",
    ),
    click.option(
        "--split-seed",
        type=int,
        default=1,
        show_default=True,
        help="Deals pictures to the splits, where the data set does not; the same for all steps.",
    ),
)

data_options = _options(click.option("--data", required=True, help=_DATA), *_LAYOUT)
"""Options of every command that reads a data set."""

optional_data_options = _options(
    click.option("--data", default="generated", show_default=True, help=_DATA), *_LAYOUT
)
"""Options of commands that take generated chips unless a data set is named."""


def refuse_mixed_up(data: str, format_: str) -> None:
    """See that generated chips are asked for by both options or by none."""
    if (data == "generated") != (format_ == "generated"):
        raise click.UsageError(
            f"--data {data} does not go with --format {format_}: name the layout of the folder"
        )


def plan_of(given: dict[str, Any]) -> Plan:
    """Make the plan of the options; takes them out of ``given``."""
    from earthgql.training.run.training_plan import Plan, Stage

    sizes = given.pop("sizes")
    shares = given.pop("shares") or (1.0,) * len(sizes)
    depths = given.pop("depths") or (DEPTHS["full"],) * len(sizes)
    if not len(sizes) == len(shares) == len(depths):
        raise click.UsageError("--sizes, --shares and --depths must have equally many parts")
    stages = tuple(Stage(*parts) for parts in zip(sizes, shares, depths, strict=True))
    return Plan(stages=stages, rate=given.pop("lr"), average=given.pop("ema"), **given)


def places_of(names: tuple[str, ...] | None, labels: tuple[str, ...]) -> tuple[int, ...]:
    """Places of some labels in the vocabulary."""
    unknown = set(names or ()) - set(labels)
    if unknown:
        raise click.UsageError(f"--exclusive: the data set has no {', '.join(sorted(unknown))}")
    return tuple(labels.index(name) for name in names or ())


def read(
    data: str,
    format_: Any,
    seed: int,
    labels: tuple[str, ...] | None,
    chips: tuple[int, ...],
    *,
    scenes: int = 0,
) -> Splits:
    """Read a data set, or render its chips; ``labels`` None takes the data set's own.

    Args:
        data: folder, or ``generated``.
        format_: layout of the folder.
        seed: of the split, where the data set has none.
        labels: the vocabulary; None takes the data set's own.
        chips: numbers of generated chips, to train on and to validate on.
        scenes: number of generated scenes whose tiles are trained on besides the chips.
    """
    if format_ == "ground":
        return _ground(Path(data).expanduser(), chips)
    if format_ != "generated":
        from earthgql.training.data.formats import read_splits

        return read_splits(Path(data).expanduser(), format_, seed=seed, labels=labels)
    from earthgql.training.data.generated import TILES_PER_SCENE, Order
    from earthgql.training.data.samples import JoinedSamples, Splits

    if len(chips) != 2:
        raise click.UsageError("--chips takes two numbers, as in 10240,1024")
    train = [_rendered(Order("train", chips[0]))]
    if scenes:
        train.append(_rendered(Order("train", scenes * TILES_PER_SCENE, scenes=True)))
    return Splits(JoinedSamples(train), _rendered(Order("validation", chips[1])), None)


def _ground(data: Path, chips: tuple[int, ...]) -> Splits:
    """Pictures on the real ground of ``data``, made once; see docs/model.md.

    Those to validate on are as frequent as in nature, and a third as many again have rare labels.
    """
    from earthgql.training.data.samples import JoinedSamples, Splits
    from earthgql.training.material.store import NATURAL, TRAINING, Order

    if len(chips) != 2:
        raise click.UsageError("--chips takes two numbers, as in 20480,3072")
    planet, sentinel = data / "planet_scenes", data / "amazon_s2"
    given = planet, sentinel if sentinel.is_dir() else None
    train, natural, rare = _made(
        Order(*given, "train", chips[0], TRAINING),
        Order(*given, "validation", chips[1], NATURAL),
        Order(*given, "validation", max(chips[1] // 3, 1), TRAINING),
    )
    return Splits(train, JoinedSamples([natural, rare]), None)


def _made(*orders: Pictures) -> list[ArraySamples]:
    """Make, or find, pictures on real ground."""
    from earthgql.cli.console import progress
    from earthgql.landscape import generator_version
    from earthgql.settings import load_settings
    from earthgql.training.material.store import BLOCK, load, missing, render

    place, version = load_settings().var_dir / "ground", generator_version()
    folders = {
        place / f"{version}-{o.split}-{'balanced' if o.recipe.balanced else 'natural'}": o
        for o in orders
    }
    if blocks := missing(folders):
        with progress("Make pictures on real ground", BLOCK * len(blocks)) as done:
            render(folders, done)
    return [load(folder, order.count).samples() for folder, order in folders.items()]


def read_to_measure(
    data: str, format_: Any, seed: int, labels: tuple[str, ...], split: str
) -> tuple[Samples, Samples | None]:
    """Read what a bundle is to be measured on.

    Args:
        data: folder.
        format_: its layout.
        seed: of the split, where the data set has none.
        labels: the bundle's.
        split: name of a split, or ``all`` for every picture.

    Returns:
        The pictures, and those that simple answers may be fitted on: None without a train split,
        or where it is measured on itself.

    Raises:
        TrainingError: if the data set cannot be read, or the split is empty.
    """
    from earthgql.errors import TrainingError
    from earthgql.training.data.formats import joined, read_parts

    parts = read_parts(Path(data).expanduser(), format_, seed=seed, labels=labels)
    samples = joined(list(parts.values())) if split == ALL else parts[split]
    if not len(samples.truth):
        filled = ", ".join(name for name, part in parts.items() if len(part.truth))
        raise TrainingError(f"{data} has no pictures in its {split} split, only in: {filled}")
    fitted_on = parts["train"] if split != ALL and len(parts["train"].truth) else None
    return samples, fitted_on


def chips_of(split: str, count: int, *, balanced: bool, skip: int = 0) -> Samples:
    """Render, or find, the generated chips of a split after its first ``skip``."""
    from earthgql.training.data.generated import Order

    return _rendered(Order(split, skip + count, balanced)).after(skip)


def _rendered(order: Order) -> ArraySamples:
    from earthgql.cli.console import progress
    from earthgql.settings import load_settings
    from earthgql.training.data.generated import is_rendered, render

    folder = load_settings().var_dir / "chips"
    if is_rendered(folder, order):
        return render(folder, order)
    what = "tiles of scenes" if order.scenes else "chips"
    with progress(f"Render {order.split} {what}", order.count) as done:
        return render(folder, order, on_progress=done)


def classifier_of(bundle: Bundle) -> Classifier:
    """Load a bundle's network."""
    from earthgql.models.engines.tensorflow.classifier import TensorFlowClassifier

    return TensorFlowClassifier(bundle)


def scored(classifier: Classifier, samples: Samples, turns: bool) -> Any:
    """Score a split, showing progress."""
    from earthgql.cli.console import progress
    from earthgql.training.measure.evaluation import score

    with progress("Score pictures", len(samples.truth)) as done:
        return score(classifier, samples, turns=turns, on_progress=done)
