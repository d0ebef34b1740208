"""``manage.py model fine-tune``; the work is in ``training.transfer.fine_tuning``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earthgql.cli.model.samples import FILE, FOLDER

if TYPE_CHECKING:
    from earthgql.training.transfer.fine_tuning import Tuning

NUMBERS = ("f2", "macro_f1", "micro_f1", "mean_average_precision")


@click.command("fine-tune")
@click.argument("bundle", type=FOLDER)
@click.option(
    "--data", required=True, type=FOLDER, help="Folder of labelled pictures; see docs/model.md."
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["planet", "folder", "ucmerced"]),
    default="folder",
    show_default=True,
)
@click.option("--out", required=True, type=FOLDER, help="Folder of the new bundle.")
@click.option("--name", help="Of the new model; default: the name of --out.")
@click.option("--version", "version", default="1.0.0", show_default=True)
@click.option("--replace", is_flag=True, help="Replace a bundle already there.")
@click.option("--json", "json_file", type=FILE, help="Write the report there, too.")
@click.option(
    "--size",
    type=click.IntRange(32, 512),
    help="Side of the new network's input in pixels; default: the bundle's. Larger sees smaller"
    " things and is slower.",
)
@click.option(
    "--stages",
    type=click.IntRange(0, 3),
    default=1,
    show_default=True,
    help="Last stages of the network that learn after the head; 0: the head alone.",
)
@click.option(
    "--views",
    type=click.IntRange(1, 8),
    default=8,
    show_default=True,
    help="Turns and mirrorings of each picture to learn from.",
)
@click.option("--epochs", type=click.IntRange(1), default=12, show_default=True, help="At most.")
@click.option("--lr", "rate", type=click.FloatRange(0, 1, min_open=True), default=2e-4,
              show_default=True, help="Highest learning rate of the stages.")  # fmt: skip
@click.option("--batch", type=click.IntRange(2), default=32, show_default=True)
@click.option("--patience", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--goal",
    type=click.Choice(["f2", "macro-f1"]),
    default="f2",
    show_default=True,
    help="What the thresholds maximise on the validation split.",
)
@click.option("--drop-empty", is_flag=True, help="Leave out labels that no picture shows.")
@click.option("--split-seed", type=int, default=1, show_default=True, help="Deals the pictures.")
@click.option("--seed", type=int, default=1, show_default=True)
def fine_tune(
    bundle: Path,
    *,
    data: Path,
    format_: Any,
    out: Path,
    name: str | None,
    version: str,
    replace: bool,
    json_file: Path | None,
    drop_empty: bool,
    split_seed: int,
    **recipe: Any,
) -> None:
    """Make a bundle for your own labels from BUNDLE and a few hundred labelled pictures.

    The labels may be others than BUNDLE's. First a new head learns on what the frozen network sees
    in every stage, then the last stages learn with it. Thresholds are fitted on the validation
    split; the test split, where there is one, measures before and after. Nothing is written before
    all is done.

    \b
    Examples:
      python manage.py model fine-tune earthgql/bundles/amazon-resnet50 --data ~/chips \\
        --out var/models/mine
      python manage.py model fine-tune earthgql/bundles/amazon-resnet50 --data ~/ucmerced \\
        --format ucmerced --size 256 --goal macro-f1 --out var/models/ucmerced
      python manage.py model fine-tune my-bundle --data ~/chips --stages 0 --out quick
    """
    from earthgql.cli.console import err, progress
    from earthgql.cli.console import out as stdout
    from earthgql.errors import ModelUnavailableError
    from earthgql.models.bundle import open_bundle
    from earthgql.settings import load_settings
    from earthgql.training.data.formats import read_splits
    from earthgql.training.measure.report import write_json
    from earthgql.training.transfer.fine_tuning import check, without, without_positives
    from earthgql.training.transfer.fine_tuning import fine_tune as run
    from earthgql.training.transfer.learning import Recipe

    if out.exists() and not replace:
        raise ModelUnavailableError(f"{out} exists already; choose another folder or --replace")
    opened = open_bundle(bundle)
    splits = read_splits(data.expanduser(), format_, seed=split_seed)
    if drop_empty and (empty := without_positives(splits)):
        err.print(f"Left out, for no picture shows them: {', '.join(empty)}", markup=False)
        splits = without(splits, empty)
    check(splits)
    tuning = run(
        opened, splits, Recipe(**recipe), folder=load_settings().var_dir, progress=progress
    )
    report = tuning.report | {"format": format_}
    name = name or out.resolve().name
    _write(tuning, report, out, name=name, version=version, replace=replace)
    if json_file:
        write_json(json_file, report)
    stdout.print(told(report), markup=False)
    stdout.print(f"{out}: {name} {version}", markup=False)


def told(report: dict[str, Any]) -> str:
    """The numbers of a report as a Markdown table."""
    pictures = report["data"]["pictures"]
    lines = [
        f"{pictures['train']} pictures to train on, {pictures['validation']} to validate on;"
        f" {report['seconds'] / 60:.1f} minutes."
    ]
    if report["test"] is None:
        return "\n".join([*lines, "There is no test split: nothing tells how good it is."])
    lines += [
        "",
        f"| test split of {pictures['test']} | F2 | macro F1 | micro F1 | mean average precision |",
        "|---|---:|---:|---:|---:|",
    ]
    known = report["test"]["before"]["kind"] == "bundle"
    before = "the bundle as it was" if known else "the best constant answer"
    steps = [("before", before), ("head", "new head alone")]
    if report["recipe"]["stages"]:
        steps.append(("after", "new head and last stages"))
    for key, what in steps:
        row = report["test"][key]
        cells = ["-" if row[n] is None else f"{row[n]:.3f}" for n in NUMBERS]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def card(report: dict[str, Any], title: str) -> str:
    """The model card of a fine-tuned bundle: what it was made of, and what was measured."""
    from earthgql.training.measure.evaluation import table

    source = report["from"]
    lines = [
        f"# {title}",
        f"Fine-tuned from {source['name']} {source['version']} (SHA-256 {source['sha256']}) with"
        " `manage.py model fine-tune`; `manifest.json` has the recipe under `training`.",
        told(report),
    ]
    if report["test"] is not None:
        lines += ["## Per label, on the test split", table(report["test"]["after"])]
    return "\n\n".join(line.strip() for line in lines) + "\n"


def _write(tuning: Tuning, report: dict[str, Any], folder: Path, **about: Any) -> None:
    """Write the bundle; its manifest keeps what it was made of, and how."""
    from earthgql.cli.model.group import command_of
    from earthgql.models.engines.keras.import_export import export_model

    test = report["test"] or {}
    summary = {step: {name: test[step][name] for name in NUMBERS} for step in test}
    export_model(
        tuning.network,
        folder,
        labels=tuple(report["data"]["labels"]),
        spec=tuning.spec,
        thresholds=tuning.tuned.thresholds,
        calibration=tuning.tuned.calibration,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        created_by=command_of(sys.argv[1:]),
        training=report | {"test": summary or None},
        card=card(report, f"{about['name']} {about['version']}"),
        **about,
    )
