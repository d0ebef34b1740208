"""What imagery and label tiles have in common: addresses, query strings and TileJSON."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import request
from pydantic import BaseModel, ValidationError

from earthgql.catalog.json_input import error_text
from earthgql.catalog.map_scenes import ImagerySummary
from earthgql.errors import BadInputError, shortened
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex

Form = TypeVar("Form", bound=BaseModel)


def tile_of_address(*numbers: str) -> TileIndex:
    """Return the tile that an address names by z, x and y.

    Raises:
        BadInputError: if there is no such tile in the grid.
    """
    if all(number.isascii() and number.isdigit() and len(number) < 12 for number in numbers):
        tile = TileIndex(*map(int, numbers))
        if grid.valid(tile):
            return tile
    raise BadInputError(
        f"there is no tile {shortened('/'.join(numbers))}: z is 0 to {grid.MAX_ZOOM}, x and y are"
        " whole numbers from 0, below 2^z"
    )


def validated(form: type[Form], arguments: Mapping[str, str], takes: str) -> Form:
    """Validate the arguments of a query string.

    Args:
        form: their names and types.
        arguments: by name.
        takes: which there are, as the beginning of the message about another one.

    Raises:
        BadInputError: if there is another argument, or one is invalid; the message names it.
    """
    try:
        return form.model_validate(arguments)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])[:60]
        if first["type"] == "extra_forbidden":
            raise BadInputError(f"{takes}, not {name!r}") from None
        raise BadInputError(f"{name}: {error_text(first)}") from None


def tile_json(
    name: str,
    path: str,
    arguments: Mapping[str, str],
    found: ImagerySummary,
    *,
    zooms: tuple[int, int],
) -> dict[str, Any]:
    """Return what every TileJSON 3.0 has.

    Args:
        name: of the tiles.
        path: of a tile, with ``{z}/{x}/{y}`` in it.
        arguments: the query string that each tile's address gets.
        found: where there is imagery, and whom to credit.
        zooms: the lowest and the highest.
    """
    query = f"?{urlencode(arguments)}" if arguments else ""
    return {
        "tilejson": "3.0.0",
        "name": name,
        "tiles": [f"{request.host_url}{path}{query}"],
        "scheme": "xyz",
        "minzoom": zooms[0],
        "maxzoom": zooms[1],
        "bounds": list(found.bounds),
        "attribution": " | ".join(found.attributions),
    }
