"""``manage.py classify``: the command and its options; ``run`` does the work."""

import click

from earthgql.errors import BadInputError


@click.command()
@click.option("--scene", help="Only tiles of the scene of this name.")
@click.option("--bounds", help="Only tiles in WEST,SOUTH,EAST,NORTH, in degrees; longitudes wrap.")
@click.option("--zoom", type=click.IntRange(0, 24), help="Only tiles of this zoom.")
@click.option("--all", "everything", is_flag=True, help="All tiles.")
def classify(scene: str | None, bounds: str | None, zoom: int | None, everything: bool) -> None:
    """Compute and store the scores of tiles ahead, so that no request waits for the model.

    Tiles with stored scores are skipped, so the same command continues an interrupted run. Stored
    scores belong to one model: another model, or version, starts without scores.

    \b
    Examples:
      python manage.py classify --all
      python manage.py classify --scene lakes
      python manage.py classify --bounds -60.5,-3.5,-59.5,-2.5 --zoom 14
    """
    limited = scene is not None or bounds is not None
    if everything and limited:
        raise click.UsageError("--all takes in every scene and place: leave it, or the others, out")
    if not everything and not limited and zoom is None:
        raise click.UsageError("say which tiles: --scene, --bounds or --zoom, or else --all")
    from earthgql.catalog.tiles.unscored import TileScope
    from earthgql.cli.classify.run import run
    from earthgql.imagery import grid

    parts = grid.bounds(*_edges(bounds)) if bounds is not None else None
    run(TileScope(scene, parts, zoom))


def _edges(bounds: str) -> tuple[float, float, float, float]:
    try:
        west, south, east, north = map(float, bounds.split(","))
    except ValueError:
        raise BadInputError(
            f"{bounds!r} is not WEST,SOUTH,EAST,NORTH, such as -60.5,-3.5,-59.5,-2.5"
        ) from None
    return west, south, east, north
