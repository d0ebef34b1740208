"""``manage.py model``: train, measure, check and exchange models."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earthgql.cli import LazyGroup

if TYPE_CHECKING:
    from earthgql.models.bundle import Bundle

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
SCALES = ("unit", "imagenet-caffe", "standard")
MEGABYTE = 1e6
SIZE_LIMIT_MB = 50

TRAINING = {
    "train": ("earthgql.cli.model.training:train", "Train a ResNet50."),
    "evaluate": ("earthgql.cli.model.training:evaluate", "Measure a bundle on a data set."),
    "card": ("earthgql.cli.model.card:card", "Write a bundle's model card."),
    "parity": ("earthgql.cli.model.engines:parity", "Compare a bundle on every engine here."),
    "domain": ("earthgql.cli.model.domain:domain", "Learn what a bundle was trained on."),
    "optimize": ("earthgql.cli.model.engines:optimize", "Make a faster, 8-bit network."),
    "fine-tune": (
        "earthgql.cli.model.fine_tune:fine_tune",
        "Make a bundle for labels of your own.",
    ),
    "thresholds": (
        "earthgql.cli.model.training:thresholds",
        "Choose thresholds on a validation split.",
    ),
}


@click.group(cls=LazyGroup, lazy=TRAINING)
def model() -> None:
    """Train, check and exchange model bundles.

    A bundle is a folder with manifest.json, the weights, and a model card. EARTHGQL_BUNDLE says
    which one answers; unset, it is the shipped one, or an untrained stand-in if none is shipped.

    \b
    Examples:
      python manage.py model list
      python manage.py model verify my-bundle
      python manage.py model import old-model my-bundle
    """


@model.command("list")
def list_() -> None:
    """List the bundles: the one set, the shipped ones, those under var/models.

    The one that answers is marked with a star.

    \b
    Examples:
      python manage.py model list
    """
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from earthgql.cli.console import err, out
    from earthgql.errors import ModelUnavailableError
    from earthgql.models.bundle import read_manifest
    from earthgql.models.loading import BUNDLES_DIR, chosen_folder
    from earthgql.models.manifest import MANIFEST_FILE
    from earthgql.settings import load_settings

    settings = load_settings()
    chosen = chosen_folder(settings)
    places = (BUNDLES_DIR, settings.var_dir / "models")
    folders = [path.parent for place in places for path in sorted(place.glob(f"*/{MANIFEST_FILE}"))]
    if settings.bundle is not None and settings.bundle not in folders:
        folders.insert(0, settings.bundle)
    if not folders:
        err.print(
            "No bundle yet: an untrained stand-in is made when the first answer is asked for."
        )
        return
    table = Table(box=box.SIMPLE)
    for heading in ("", "name", "version", "labels", "input", "MB"):
        table.add_column(heading, no_wrap=True)
    table.add_column("folder", overflow="fold")
    for folder in folders:
        mark = "*" if folder == chosen else ""
        try:
            manifest = read_manifest(folder)
        except ModelUnavailableError as error:
            err.print(f"[yellow]{escape(str(error))}[/]")
            continue
        spec = manifest.input.spec
        table.add_row(
            *(mark, escape(manifest.name), escape(manifest.version), str(len(manifest.labels))),
            *(f"{spec.size} {spec.scale}", f"{_megabytes(folder):.1f}", escape(str(folder))),
        )
    out.print(table)


@model.command()
@click.argument("bundle", type=FOLDER)
@click.option("--run/--no-run", default=True, show_default=True, help="Also run it on pictures.")
def verify(bundle: Path, *, run: bool) -> None:
    """Check a bundle: manifest, checksums, shapes, and that it gives scores.

    \b
    Examples:
      python manage.py model verify my-bundle
      python manage.py model verify --no-run my-bundle
    """
    from earthgql.cli.console import out, step
    from earthgql.models.bundle import open_bundle

    with step(f"Reading {bundle}"):
        opened = open_bundle(bundle)
        identity = opened.identity
    if run:
        with step("Building the network and running it"):
            _try_out(opened)
    out.print(f"{identity.name} {identity.version} is sound", markup=False)
    out.print(f"sha256  {identity.sha256}", markup=False)
    width = max(map(len, identity.labels))
    for label, threshold in zip(identity.labels, identity.thresholds, strict=True):
        out.print(f"  {label:{width}}  {threshold:.3f}", markup=False)
    if opened.manifest.domain is not None:
        out.print(opened.manifest.domain.summary, markup=False)


def _try_out(bundle: Bundle) -> None:
    import numpy as np

    from earthgql.errors import ModelUnavailableError
    from earthgql.models.engines.tensorflow.classifier import TensorFlowClassifier
    from earthgql.models.protocol import classify_all

    pixels = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    scores = classify_all(TensorFlowClassifier(bundle), pixels)
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ModelUnavailableError(f"{bundle.folder} gives scores that are not between 0 and 1")


def _exchange_options(command: Any) -> Any:
    """Give a command the options that say what is written."""
    for option in (
        click.option("--half/--full", default=True, help="Kernels in half precision (default)."),
        click.option("--replace", is_flag=True, help="Replace a bundle already there."),
        click.option("--std", nargs=3, type=float, help="Per channel, for --scale standard."),
        click.option("--mean", nargs=3, type=float, help="Per channel, for --scale standard."),
        click.option("--size", type=click.IntRange(32, 1024), help="Side of the input in pixels."),
        click.option("--version", "version", default="1.0.0", show_default=True),
        click.option("--name", help="Of the model; default: the bundle folder's name."),
    ):
        command = option(command)
    return command


@model.command()
@click.argument("source", type=FILE)
@click.argument("bundle", type=FOLDER)
@click.option("--labels", type=FILE, help="Labels separated by white space; default: Planet's 17.")
@click.option("--scale", type=click.Choice(SCALES), default="unit", show_default=True)
@_exchange_options
def export(source: Path, bundle: Path, labels: Path | None, scale: str, **options: Any) -> None:
    """Make a bundle of weights trained here: a .weights.h5 of ResNet50, or a .keras model.

    \b
    Examples:
      python manage.py model export run/best.weights.h5 my-bundle --version 1.1.0
      python manage.py model export run/best.keras my-bundle --labels classes.txt --size 128
    """
    from earthgql.models.engines.keras import import_export
    from earthgql.models.labels import PLANET_LABELS

    names = _labels(labels) if labels else PLANET_LABELS
    size = options["size"] or 256
    if source.name.endswith(".weights.h5"):
        network = import_export.load_weights_file(source, size, len(names))
    else:
        network = import_export.load_keras_file(source)
        size = options["size"] or _size_of(network) or 256
    _write(network, bundle, names, scale, {**options, "size": size})


@model.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("bundle", type=FOLDER)
@click.option("--labels", type=FILE, help="Labels of a Keras model, separated by white space.")
@click.option("--scale", type=click.Choice(SCALES), help="How its inputs were scaled.")
@_exchange_options
def import_(
    source: Path, bundle: Path, labels: Path | None, scale: str | None, **options: Any
) -> None:
    """Make a bundle of a model from elsewhere.

    SOURCE is a folder with resnet50_model.json, resnet50_weights.hdf5 and classes.txt as Keras 2
    wrote them (256 x 256, blue-green-red minus ImageNet's means), or a whole Keras model (.keras,
    .h5) with --labels and --scale.

    \b
    Examples:
      python manage.py model import old-model my-bundle --version 2018
      python manage.py model import net.keras my-bundle --labels classes.txt --scale unit
    """
    from earthgql.models.engines.keras import import_export, keras2

    if source.is_dir():
        if labels or scale or options["size"]:
            raise click.UsageError("labels, scale and size of such a folder are known already")
        network, names = keras2.load_predecessor(source)
        known = keras2.PREDECESSOR_INPUT
        _write(network, bundle, names, known.scale, {**options, "size": known.size})
        return
    if labels is None or scale is None:
        raise click.UsageError("a Keras model needs --labels and --scale: it does not say them")
    network = import_export.load_keras_file(source)
    size = options["size"] or _size_of(network)
    if size is None:
        raise click.UsageError("this model takes any size: say --size")
    _write(network, bundle, _labels(labels), scale, {**options, "size": size})


def _write(
    network: Any, folder: Path, labels: tuple[str, ...], scale: Any, options: dict[str, Any]
) -> None:
    """Write the bundle, then compare it with the network it was made of."""
    from earthgql.cli.console import err, out
    from earthgql.models.engines.keras import import_export
    from earthgql.models.preprocess import InputSpec

    spec = InputSpec(options["size"], scale, options["mean"] or None, options["std"] or None)
    bundle = import_export.export_model(
        network,
        folder,
        name=options["name"] or folder.resolve().name,
        version=options["version"],
        labels=labels,
        spec=spec,
        half=options["half"],
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        created_by=command_of(sys.argv[1:]),
        replace=options["replace"],
    )
    change, size = import_export.largest_difference(network, bundle), _megabytes(folder)
    m = bundle.manifest
    out.print(
        f"{folder}: {m.name} {m.version}, {m.architecture}, {len(m.labels)} labels,"
        f" {size:.1f} MB; largest change of a score {change:.5f}",
        markup=False,
    )
    if size > SIZE_LIMIT_MB:
        err.print(f"[yellow]Over {SIZE_LIMIT_MB} MB: too much to commit to a repository.[/]")
    if change > import_export.HALF_PRECISION_TOLERANCE:
        err.print("[yellow]Half precision changes the scores too much: write it with --full.[/]")


def _labels(path: Path) -> tuple[str, ...]:
    from earthgql.errors import ModelUnavailableError

    try:
        return tuple(path.read_text().split())
    except (OSError, UnicodeDecodeError) as error:
        raise ModelUnavailableError(f"{path} cannot be read: {error}") from None


def _size_of(network: Any) -> int | None:
    shape = network.input_shape
    return shape[1] if isinstance(shape, tuple) and len(shape) == 4 else None


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / MEGABYTE


def command_of(arguments: list[str]) -> str:
    """Write down a command; of paths only the name, for where they were is nobody's business."""
    return " ".join(["manage.py", *(Path(a).name if "/" in a else a for a in arguments)])
