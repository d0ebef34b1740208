"""``manage.py model domain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from earthgql.cli.model.samples import FOLDER, chips_of, data_options, read, refuse_mixed_up

if TYPE_CHECKING:
    from earthgql.models.bundle import Bundle
    from earthgql.training.data.samples import Samples


@click.command()
@click.argument("bundle", type=FOLDER)
@data_options
@click.option(
    "--chips",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="Pictures of the training split, where they are made (generated, ground); validation and"
    " test get half as many each.",
)
@click.option(
    "--components",
    type=click.IntRange(1, 1024),
    default=64,
    show_default=True,
    help="Directions of the features that have a variance of their own.",
)
@click.option(
    "--false-alarms",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.01,
    show_default=True,
    help="Share of the validation split that may be beyond the limit, a distance of 1.",
)
@click.option("--version", help="New version of the bundle; needed if its scores are kept already.")
def domain(
    bundle: Path,
    *,
    data: str,
    format_: str,
    split_seed: int,
    chips: int,
    components: int,
    false_alarms: float,
    version: str | None,
) -> None:
    """Let a bundle tell how far a picture is from those it was trained on.

    Statistics of the network's pooled features on the training split become part of the bundle
    (0.3 MB), and with them its answers have a domainDistance: above 1, the picture is unlike the
    training material. The limit is chosen on the validation split. Other statistics are another
    model to databases: if they keep scores of this bundle, give it another --version.

    \b
    Examples:
      python manage.py model domain my-bundle --data generated
      python manage.py model domain my-bundle --data ~/planet --format planet --version 1.2.0
    """
    from earthgql.cli.console import out, step
    from earthgql.models.bundle import open_bundle, update_manifest, write_domain
    from earthgql.training.measure.domain import fit_domain

    refuse_mixed_up(data, format_)
    opened = open_bundle(bundle)
    splits = _splits(data, format_, split_seed, opened.manifest.labels, chips)
    train, validation, test = (_features(opened, *named) for named in splits.items())
    with step("Fitting the statistics"):
        fitted = fit_domain(
            train, validation, test, components=components, false_alarm_rate=false_alarms
        )
    write_domain(bundle, fitted.domain, fitted.arrays)
    if version is not None:
        update_manifest(bundle, version=version)
    out.print(f"{bundle}: {fitted.domain.summary}", markup=False)


def _splits(
    data: str, format_: str, seed: int, labels: tuple[str, ...], chips: int
) -> dict[str, Samples | None]:
    if format_ == "generated":
        half = max(1, chips // 2)
        counts = {"train": chips, "validation": half, "test": half}
        return {name: chips_of(name, count, balanced=True) for name, count in counts.items()}
    found = read(data, format_, seed, labels, (chips, max(1, chips // 2)))
    return {"train": found.train, "validation": found.validation, "test": found.test}


def _features(bundle: Bundle, name: str, samples: Samples | None) -> Any:
    from earthgql.cli.console import progress
    from earthgql.training.measure.domain import pooled_features

    if samples is None or not len(samples.truth):
        return None
    with progress(f"Features of the {name} split", len(samples.truth)) as done:
        return pooled_features(bundle, samples, on_progress=done)
