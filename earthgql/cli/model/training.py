"""``manage.py model train | evaluate | thresholds``: thin; the work is in ``earthgql.training``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earthgql.cli.model.samples import (
    ALL,
    DEPTHS,
    FILE,
    FOLDER,
    SPLITS,
    chips_of,
    classifier_of,
    data_options,
    list_of,
    places_of,
    plan_of,
    read,
    read_to_measure,
    refuse_mixed_up,
    scored,
)

if TYPE_CHECKING:
    from earthgql.training.data.samples import Samples

BASELINE_CHIPS = 3000


@click.command()
@data_options
@click.option("--out", type=FOLDER, required=True, help="Folder of the run.")
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True)
@click.option("--batch", type=click.IntRange(2), default=32, show_default=True)
@click.option(
    "--sizes",
    default="64,96,128",
    show_default=True,
    callback=list_of(int),
    help="Sides of the input, stage by stage; the last is the finished network's.",
)
@click.option("--shares", callback=list_of(float), help="Share of the epochs of each stage.")
@click.option(
    "--depths",
    callback=list_of(DEPTHS.__getitem__),
    help="shallow, half or full, stage by stage (backend pytorch); default: full.",
)
@click.option("--lr", type=float, default=1e-3, show_default=True, help="Highest learning rate.")
@click.option("--warm-up", type=click.FloatRange(0, 1), default=0.05, show_default=True)
@click.option("--decay", type=float, default=0.02, show_default=True, help="Of kernels.")
@click.option("--smoothing", type=click.FloatRange(0, 0.5), default=0.02, show_default=True)
@click.option("--loss", type=click.Choice(["bce", "focal"]), default="bce", show_default=True)
@click.option(
    "--weighting",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Present labels weigh (absent / present) to this power.",
)
@click.option(
    "--ema",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.998,
    show_default=True,
    help="Decay per step of the average of the weights, which is what is kept.",
)
@click.option(
    "--jitter",
    type=click.FloatRange(0, 2),
    default=1.0,
    show_default=True,
    help="Strength of changes of colour and sharpness.",
)
@click.option(
    "--warp",
    type=click.FloatRange(0, 2),
    default=0.0,
    show_default=True,
    help="Strength of turns by any angle and changes of scale, for small data sets.",
)
@click.option("--pretrained", type=FILE, help="Keras weights of a ResNet50 to start from.")
@click.option(
    "--exclusive",
    callback=list_of(str),
    help="Labels of which exactly one is true in every picture; learnt as a choice too (backend"
    " pytorch).",
)
@click.option(
    "--compile/--no-compile",
    "compiled",
    default=False,
    show_default=True,
    help="Compile the network first: minutes, then up to twice as fast (backend pytorch).",
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_bfloat16"]),
    default="float32",
    show_default=True,
)
@click.option(
    "--backend",
    type=click.Choice(["tensorflow", "torch", "jax", "pytorch"]),
    default="tensorflow",
    show_default=True,
    help="Keras on one of three, or 'pytorch': without Keras' layers, fastest on a CPU.",
)
@click.option(
    "--chips",
    default="10240,1024",
    show_default=True,
    callback=list_of(int),
    help="Generated chips to train on and to validate on.",
)
@click.option(
    "--scenes",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Generated scenes to train on besides the chips, 64 tiles each.",
)
@click.option("--checkpoint-minutes", type=float, default=5.0, show_default=True)
def train(
    *,
    data: str,
    format_: str,
    split_seed: int,
    out: Path,
    backend: Any,
    pretrained: Path | None,
    chips: tuple[int, ...],
    scenes: int,
    checkpoint_minutes: float,
    **given: Any,
) -> None:
    """Train a ResNet50 with one sigmoid per label.

    Checkpoints are kept in --out: after a kill, the same command continues the run. It may be
    made longer or shorter by another --epochs.

    \b
    Examples:
      python manage.py model train --data generated --out var/runs/amazon
      python manage.py model train --data ~/planet --format planet --out var/runs/planet \\
        --pretrained resnet50_weights.h5 --sizes 128,224,256 --batch 64 --precision mixed_bfloat16
    """
    from dataclasses import replace

    from earthgql.cli.console import err
    from earthgql.cli.console import out as stdout
    from earthgql.cli.model.progress import training_progress
    from earthgql.training.run.session import choose_backend, export_command
    from earthgql.training.run.session import train as run

    refuse_mixed_up(data, format_)
    names = given.pop("exclusive")
    plan = plan_of(given)
    choose_backend(backend)
    splits = read(data, format_, split_seed, None, chips, scenes=scenes)
    plan = replace(plan, exclusive=places_of(names, splits.labels))
    counts = [len(part.truth) for part in (splits.train, splits.validation)]
    err.print(f"{counts[0]:,} pictures to train on, {counts[1]:,} to validate on", markup=False)
    with training_progress(plan.epochs) as watch:
        outcome = run(
            splits,
            plan,
            out,
            backend=backend,
            pretrained=pretrained,
            watch=watch,
            checkpoint_seconds=60 * checkpoint_minutes,
        )
    stdout.print(
        f"{outcome.weights}: {outcome.epochs} epochs in {outcome.seconds / 3600:.2f} h. Next:\n"
        f"  {export_command(out, plan)}",
        markup=False,
    )


@click.command()
@click.argument("bundle", type=FOLDER)
@data_options
@click.option(
    "--split",
    type=click.Choice([*SPLITS, ALL]),
    default="test",
    show_default=True,
    help="Pictures to measure on; 'all' takes a data set that is only a test.",
)
@click.option("--chips", type=click.IntRange(1), default=2000, show_default=True)
@click.option(
    "--skip",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Generated chips of the split to leave out first, because somebody has seen them.",
)
@click.option("--natural", is_flag=True, help="Generated chips with labels as rare as in nature.")
@click.option("--json", "json_file", type=FILE, help="Write the numbers there.")
@click.option("--report", type=FOLDER, help="Write numbers and pictures into this folder.")
@click.option("--tta", is_flag=True, help="Average over 8 turns and reflections (8 times slower).")
@click.option("--baselines/--no-baselines", default=True, help="Also measure simple answers.")
def evaluate(
    bundle: Path,
    *,
    data: str,
    format_: str,
    split_seed: int,
    split: str,
    chips: int,
    skip: int,
    natural: bool,
    json_file: Path | None,
    report: Path | None,
    tta: bool,
    baselines: bool,
) -> None:
    """Measure a bundle on pictures whose labels are known.

    \b
    Examples:
      python manage.py model evaluate my-bundle --data generated --json scores.json
      python manage.py model evaluate my-bundle --data ~/ucmerced --format ucmerced --report out
      python manage.py model evaluate my-bundle --data ~/chips --format folder --split all
    """
    from earthgql.cli.console import out
    from earthgql.models.bundle import open_bundle
    from earthgql.training.measure.baselines import measure_baselines
    from earthgql.training.measure.evaluation import measure, summary, table
    from earthgql.training.measure.report import require_matplotlib, write_json, write_report

    refuse_mixed_up(data, format_)
    if report:
        require_matplotlib()
    if format_ == "generated" and split == ALL:
        raise click.UsageError("generated chips have no end: name one of their splits")
    if format_ == "ground":
        raise click.UsageError(
            "pictures on real ground are not labelled throughout and have no test split; model"
            " parity gives F2 on those to validate on"
        )
    opened = open_bundle(bundle)
    fitted_on: Samples | None = None
    if format_ == "generated":
        samples = chips_of(split, chips, balanced=not natural, skip=skip)
        if baselines:
            fitted_on = chips_of("train", BASELINE_CHIPS, balanced=not natural)
    else:
        labels = opened.manifest.labels
        samples, fitted_on = read_to_measure(data, format_, split_seed, labels, split)
    scores = scored(classifier_of(opened), samples, tta)
    simple = None
    if baselines and fitted_on is not None:
        simple = measure_baselines(fitted_on, samples)
    result = measure(samples, scores, opened.manifest.thresholds, simple)
    result |= {"data": data, "format": format_, "split": split, "tta": tta, "skip": skip}
    result |= {"model": opened.manifest.name, "version": opened.manifest.version}
    out.print(summary(result) + "\n" + table(result), markup=False)
    if json_file:
        write_json(json_file, result)
    if report:
        for file in write_report(report, result, samples, scores):
            out.print(str(file), markup=False)


@click.command()
@click.argument("bundle", type=FOLDER)
@data_options
@click.option("--chips", type=click.IntRange(1), default=1024, show_default=True)
@click.option(
    "--calibrate",
    type=click.Choice(["none", "temperature", "grouped"]),
    default="none",
    show_default=True,
    help="Also fit a temperature per label, or for Planet's 17 labels also a shift and the choice"
    " of exactly one weather; stored in the bundle.",
)
@click.option(
    "--goal",
    type=click.Choice(["f2", "macro-f1"]),
    default="f2",
    show_default=True,
    help="F2 averaged over pictures, or F1 averaged over labels.",
)
def thresholds(
    bundle: Path,
    *,
    data: str,
    format_: str,
    split_seed: int,
    chips: int,
    calibrate: str,
    goal: Any,
) -> None:
    """Choose the thresholds that maximise F2 (or macro F1) on the validation split alone.

    \b
    Examples:
      python manage.py model thresholds my-bundle --data generated
      python manage.py model thresholds my-bundle --data ~/planet --format planet \\
        --calibrate temperature
    """
    from dataclasses import replace

    from earthgql.cli.console import out
    from earthgql.models.bundle import open_bundle, update_manifest
    from earthgql.training.measure.tuning import tune
    from earthgql.training.measure.weather_choice import tune_as_planet

    refuse_mixed_up(data, format_)
    opened = open_bundle(bundle)
    if format_ == "generated":
        samples = chips_of("validation", chips, balanced=True)
    else:
        numbers = (1, chips)  # of pictures on real ground; other data sets have their own
        samples = read(data, format_, split_seed, opened.manifest.labels, numbers).validation
    plain = replace(opened, manifest=opened.manifest.model_copy(update={"calibration": None}))
    scores = scored(classifier_of(plain), samples, turns=False)
    if calibrate == "grouped":
        tuned = tune_as_planet(samples, scores)
    else:
        tuned = tune(samples.truth, scores, temperature=calibrate == "temperature", goal=goal)
    update_manifest(bundle, thresholds=tuned.thresholds, calibration=tuned.calibration)
    for label, threshold in zip(samples.labels, tuned.thresholds, strict=True):
        out.print(f"{label:24} {threshold:.3f}", markup=False)
    out.print(
        f"On the validation split: F2 {tuned.f2_before:.4f} -> {tuned.f2:.4f}, macro F1"
        f" {tuned.macro_f1:.4f}",
        markup=False,
    )
