"""``manage.py model card``."""

from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
FILE = click.Path(dir_okay=False, exists=True, path_type=Path)


@click.command()
@click.argument("bundle", type=FOLDER)
@click.option("--account", type=FILE, required=True, help="JSON: how the model came about.")
@click.option("--evaluation", type=FILE, required=True, help="JSON of 'model evaluate'.")
@click.option(
    "--also",
    type=(str, FILE),
    multiple=True,
    metavar="TITLE FILE",
    help="A further evaluation and what it was measured on.",
)
def card(
    bundle: Path, *, account: Path, evaluation: Path, also: tuple[tuple[str, Path], ...]
) -> None:
    """Write MODEL_CARD.md of a bundle from its evaluation.

    \b
    Examples:
      python manage.py model card earthgql/bundles/amazon-resnet50 \\
        --account docs/amazon-resnet50.json --evaluation scores.json \\
        --also "Chips at natural frequencies" natural.json
    """
    from earthgql.cli.console import out
    from earthgql.files import whole_file
    from earthgql.models.bundle import CARD_FILE, read_manifest
    from earthgql.training.measure.card import model_card, read_account, read_evaluation

    text = model_card(
        read_manifest(bundle),
        read_evaluation(evaluation),
        read_account(account),
        {title: read_evaluation(file) for title, file in also},
    )
    with whole_file(bundle / CARD_FILE) as file:
        file.write(text.encode())
    out.print(str(bundle / CARD_FILE), markup=False)
