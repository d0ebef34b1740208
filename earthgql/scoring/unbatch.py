"""What a batch came to, tile by tile: a bad one fails alone."""

from earthgql.errors import ModelUnavailableError
from earthgql.models.protocol import ModelIdentity, Scores

Row = Scores | ModelUnavailableError


def unbatch(scores: Scores, tiles: int, identity: ModelIdentity) -> list[Row]:
    """Divide the scores of a batch among its tiles.

    Args:
        scores: what the engine answered, to be ``float32 [tiles, labels]``.
        tiles: how many were asked.
        identity: the model.

    Returns:
        For each tile ``float32 [labels]``, or what is wrong with them.
    """
    expected = (tiles, len(identity.labels))
    if scores.shape != expected:
        error = ModelUnavailableError(
            f"model {identity.name} answered with shape {list(scores.shape)},"
            f" expected {list(expected)}"
        )
        return [error] * tiles
    # Written so that NaN, which compares false with everything, is wrong too.
    return [row if ((row >= 0) & (row <= 1)).all() else _no_numbers(identity) for row in scores]


def _no_numbers(identity: ModelIdentity) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"model {identity.name} {identity.version} gave scores that are not numbers between 0 and 1"
        " for this tile; none were stored: check it with manage.py model verify"
    )


def failed(error: BaseException, identity: ModelIdentity) -> ModelUnavailableError:
    """Return what a client is told of an engine's error, which may name files and hosts."""
    if isinstance(error, ModelUnavailableError):
        return error
    return ModelUnavailableError(f"model {identity.name} failed on this tile, see the server's log")
