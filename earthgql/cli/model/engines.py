"""``manage.py model parity | optimize``: compare engines, and make an 8-bit network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earthgql.cli.model.samples import (
    FILE,
    FOLDER,
    chips_of,
    optional_data_options,
    read,
    refuse_mixed_up,
)

if TYPE_CHECKING:
    from earthgql.models.engines.openvino.networks import Network
    from earthgql.models.manifest import Manifest
    from earthgql.models.protocol import Classifier
    from earthgql.settings import Settings
    from earthgql.training.data.samples import Samples
    from earthgql.training.measure.engine_comparison import Measured

ALLOWED_LOSS = 0.005


@click.command()
@click.argument("bundle", type=FOLDER)
@optional_data_options
@click.option("--chips", type=click.IntRange(1), default=256, show_default=True)
@click.option("--json", "json_file", type=FILE, help="Write the numbers there.")
def parity(
    bundle: Path, *, data: str, format_: str, split_seed: int, chips: int, json_file: Path | None
) -> None:
    """Compare a bundle on every engine and precision this machine has.

    On the validation split; differences are from the first line of the table, TensorFlow.

    \b
    Examples:
      python manage.py model parity my-bundle
      python manage.py model parity my-bundle --data ~/planet --format planet --json parity.json
    """
    from earthgql.settings import load_settings

    settings = load_settings()
    samples = _read_split(bundle, "validation", data, format_, seed=split_seed, chips=chips)
    rows = _compare(_classifiers(bundle, settings), samples)
    _print_comparison(rows, len(samples.truth), json_file, {"bundle": bundle.name})


@click.command()
@click.argument("bundle", type=FOLDER)
@click.option("--int8", is_flag=True, required=True, help="Make the network 8-bit.")
@optional_data_options
@click.option(
    "--calibrate",
    type=click.IntRange(10),
    default=300,
    show_default=True,
    help="Pictures of the training split from which the ranges of values are taken.",
)
@click.option(
    "--chips",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Generated chips of the validation split to measure on.",
)
@click.option("--json", "json_file", type=FILE, help="Write the numbers there.")
def optimize(
    bundle: Path,
    *,
    int8: bool,  # noqa: ARG001, there is nothing else yet, but it is to be said
    data: str,
    format_: str,
    split_seed: int,
    calibrate: int,
    chips: int,
    json_file: Path | None,
) -> None:
    """Make a faster network of a bundle, if F2 falls by less than 0.005.

    It is used with EARTHGQL_PRECISION=int8 and is a model version of its own, such as 1.0.0+int8,
    with scores of its own. It lies in the bundle's folder, or under var/ for the shipped bundle.

    It is compared with what the precision "auto" gives on this machine: bf16 where the processor
    has it, else f32. A network that falls short is not written, and one from before stays.

    It takes NNCF, which is no part of the set-up: make setup-dev installs it.

    \b
    Examples:
      python manage.py model optimize earthgql/bundles/amazon-resnet50 --int8
      python manage.py model optimize my-bundle --int8 --data ~/planet --format planet
    """
    from earthgql.models.engines.openvino.quantization import require_nncf
    from earthgql.settings import load_settings

    require_nncf()
    settings = load_settings()
    training = _read_split(bundle, "train", data, format_, seed=split_seed, chips=calibrate)
    validation = _read_split(bundle, "validation", data, format_, seed=split_seed, chips=chips)
    folder, rows = _quantize(bundle, settings, training, calibrate, validation)
    _print_comparison(rows, len(validation.truth), json_file, {"bundle": bundle.name})
    click.echo(f"{folder} is used with EARTHGQL_PRECISION=int8")


def _quantize(
    bundle: Path, settings: Settings, training: Samples, calibrate: int, validation: Samples
) -> tuple[Path, list[Measured]]:
    from earthgql.cli.console import step
    from earthgql.errors import ModelUnavailableError
    from earthgql.models.bundle import verify_bundle
    from earthgql.models.engines.openvino.classifier import OpenVINOClassifier
    from earthgql.models.engines.openvino.networks import (
        float_network,
        network_draft,
        read_network,
    )
    from earthgql.models.engines.openvino.quantization import quantize

    manifest = verify_bundle(bundle)
    pictures = (training.read([i])[0] for i in range(min(calibrate, len(training.truth))))
    folder = _int8_folder(bundle, manifest, settings)
    try:
        with (
            float_network(bundle, manifest, settings.var_dir) as plain,
            network_draft(folder) as fresh,
        ):
            fresh.mkdir()
            with step("Finding the ranges of values"):
                quantize(plain, manifest, pictures, fresh)
            made = read_network(fresh, manifest)
            assert made is not None, "quantize writes a whole network"  # noqa: S101
            rows = _compare(
                {
                    "openvino": OpenVINOClassifier(manifest, plain),
                    "openvino int8": OpenVINOClassifier(manifest, made),
                },
                validation,
            )
            _accept(rows, manifest, made)
    except OSError as error:
        raise ModelUnavailableError(f"{folder} cannot be written: {error.strerror}") from None
    return folder, rows


def _accept(rows: list[Measured], manifest: Manifest, made: Network) -> None:
    """Write the measurement next to the network if F2 falls by less than ``ALLOWED_LOSS``.

    Raises:
        ModelUnavailableError: if F2 falls by more.
    """
    from earthgql.errors import ModelUnavailableError
    from earthgql.models.engines.openvino.networks import write_about

    loss = rows[0].f2 - rows[1].f2
    if not loss < ALLOWED_LOSS:
        raise ModelUnavailableError(
            f"8-bit, F2 falls from {rows[0].f2:.4f} to {rows[1].f2:.4f}, by {loss:.4f}; only less"
            f" than {ALLOWED_LOSS} is accepted, so nothing was written: calibrate on more pictures"
        )
    report = {
        **made.report,
        "f2_before": rows[0].f2,
        "f2": rows[1].f2,
        "speed_up": rows[1].per_second / rows[0].per_second,
    }
    write_about(made.path.parent, manifest, "int8", made.sha256, report)


def _int8_folder(bundle: Path, manifest: Manifest, settings: Settings) -> Path:
    """Return the folder for the 8-bit network: in the bundle, or under var for a shipped bundle."""
    from earthgql.models.engines.openvino.networks import int8_folders
    from earthgql.models.loading import BUNDLES_DIR

    inside, under_var = int8_folders(settings.var_dir, bundle, manifest)
    return under_var if bundle.resolve().is_relative_to(BUNDLES_DIR) else inside


def _classifiers(bundle: Path, settings: Settings) -> dict[str, Classifier]:
    """Load a bundle on each engine and precision of this machine; TensorFlow comes first."""
    from earthgql.cli.console import step
    from earthgql.models.bundle import verify_bundle
    from earthgql.models.engines.openvino import runtime
    from earthgql.models.engines.openvino.networks import has_int8
    from earthgql.models.loading import openvino_classifier, tensorflow_classifier

    def on(precision: str) -> Settings:
        return settings.model_copy(update={"precision": precision, "batch_size": 0})

    manifest = verify_bundle(bundle)
    found = {"tensorflow f32": tensorflow_classifier(bundle, on("f32"))}
    if not runtime.is_installed():
        return found
    precisions = ["f32", *(["bf16"] if runtime.has_bf16() else [])]
    precisions += ["int8"] if has_int8(bundle, manifest, settings.var_dir) else []
    for precision in precisions:
        with step(f"Loading OpenVINO {precision}"):
            found[f"openvino {precision}"] = openvino_classifier(bundle, on(precision))
    return found


def _read_split(
    bundle: Path, name: str, data: str, format_: str, *, seed: int, chips: int
) -> Samples:
    from earthgql.models.bundle import read_manifest

    refuse_mixed_up(data, format_)
    if format_ == "generated":
        return chips_of(name, chips, balanced=True)
    numbers = (chips, 1) if name == "train" else (1, chips)  # of pictures on real ground
    splits = read(data, format_, seed, read_manifest(bundle).labels, numbers)
    samples: Samples = getattr(splits, name)
    return samples


def _compare(classifiers: dict[str, Classifier], samples: Samples) -> list[Measured]:
    from earthgql.cli.console import progress
    from earthgql.training.measure.engine_comparison import compare

    with progress("Score pictures", len(samples.truth)) as done:
        return compare(classifiers, samples, on_progress=done)


def _print_comparison(
    rows: list[Measured], pictures: int, json_file: Path | None, about: dict[str, Any]
) -> None:
    from dataclasses import asdict

    from rich import box
    from rich.table import Table

    from earthgql.cli.console import out
    from earthgql.training.measure.report import write_json

    table = Table(box=box.SIMPLE)
    table.add_column("engine", no_wrap=True)
    for heading in ("F2", "largest difference", "changed labels", "pictures/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            *(row.name, f"{row.f2:.4f}", f"{row.largest_difference:.5f}"),
            *(f"{row.changed_labels:.4%}", f"{row.per_second:.1f}"),
        )
    out.print(table)
    out.print(f"F2 changes by {rows[-1].f2 - rows[0].f2:+.4f} from first to last", markup=False)
    if json_file:
        engines = [asdict(row) for row in rows]
        write_json(json_file, {**about, "pictures": pictures, "engines": engines})
