"""``Viewport``: a viewport as columns, for clients that want labels rather than objects."""

import base64
import math
from typing import NewType

import numpy as np
import numpy.typing as npt
import strawberry
from strawberry import relay

from earthgql.api.context import RequestInfo
from earthgql.api.costs import ERROR_CODES, NAMES, cost
from earthgql.api.loaders import CountKey
from earthgql.api.types.model import Model
from earthgql.catalog.tiles.columns import NO_SCORE

SCALE = 65534
NONE = 65535

Integers = NewType("Integers", list[int])
INTEGERS_SCALAR = strawberry.scalar(
    name="Integers", description="A column of whole numbers: a JSON array, one number a tile."
)
Distances = NewType("Distances", list[float | None])
DISTANCES_SCALAR = strawberry.scalar(
    name="Distances",
    description="A column of distances: a JSON array, one number a tile, null where not known.",
)
ScoreMatrix = NewType("ScoreMatrix", str)
SCORE_MATRIX_SCALAR = strawberry.scalar(
    name="ScoreMatrix",
    description=f"""\
Scores of a viewport `v`: base64 of little-endian 16-bit numbers, a row of `labels` per tile, row
after row. A number n is the score n / {SCALE}; {NONE} is none, all along the row of a tile without.

    # Python, NumPy
    n = np.frombuffer(base64.b64decode(v["scores"]), "<u2").reshape(-1, len(v["labels"]))
    scores = n / np.float32({SCALE})  # [tile, label]
    known = n[:, 0] != {NONE}  # [tile]

    // JavaScript
    const s = atob(v.scores), b = new Uint8Array(s.length);
    for (let i = 0; i < b.length; i++) b[i] = s.charCodeAt(i);
    const n = new Uint16Array(b.buffer); // score of tile t, label l: n[t * v.labels.length + l]""",
)


@strawberry.type(description="What kept some tiles of a viewport from being classified.")
class ViewportError:
    """What kept some tiles from being classified."""

    code: str = strawberry.field(
        description="As in extensions.code of other errors: IMAGE_UNREADABLE, TIMEOUT (asking "
        "again continues), OVERLOADED and so on."
    )
    message: str = strawberry.field(description="What happened to the first of them.")
    rows: Integers = strawberry.field(
        metadata=cost(per_row=1),
        description="Places of these tiles in the columns, counted from 0.",
    )


@strawberry.type(
    description="The tiles of a viewport as columns of equal length, one entry a tile. A tile "
    "without scores has none all along its row of `scores`; `errors` says why."
)
class Viewport:
    """A viewport as columns."""

    count_key: strawberry.Private[CountKey]
    total: strawberry.Private[int | None]
    model: Model = strawberry.field(description="The model that classified the tiles.")
    labels: list[str] = strawberry.field(
        metadata=cost(values=NAMES), description="Labels of the columns of `scores`."
    )
    ids: Integers = strawberry.field(
        metadata=cost(per_row=1),
        description="Numbers of the tiles: /tiles/NUMBER.png shows one, and its `id` elsewhere is "
        "base64 of `Tile:NUMBER`.",
    )
    z: Integers = strawberry.field(metadata=cost(per_row=1), description="Zoom levels.")
    x: Integers = strawberry.field(
        metadata=cost(per_row=1), description="Columns of the grid, from the antimeridian."
    )
    y: Integers = strawberry.field(
        metadata=cost(per_row=1), description="Rows of the grid, from the north (XYZ)."
    )
    scores: ScoreMatrix = strawberry.field(
        metadata=cost(per_row=4),
        description="Scores of all labels for all tiles, before any cutoff; `model.thresholds` "
        "holds the usual ones.",
    )
    distances: strawberry.Private[npt.NDArray[np.float32]]
    tiles_classified: int = strawberry.field(
        description="How many of the tiles in these columns have scores."
    )
    errors: list[ViewportError] = strawberry.field(
        metadata=cost(items=ERROR_CODES),
        description="What kept tiles from being classified; those that were are answered.",
    )
    page_info: relay.PageInfo = strawberry.field(
        description="Where these tiles are among all of the viewport."
    )

    @strawberry.field(
        metadata=cost(per_row=1),
        description="How far each tile is from what the model was trained on, as "
        "`Classification.domainDistance`.",
    )
    def domain_distances(self) -> Distances:
        """List the distances, as shortest decimals."""
        decimals = self.distances.astype(str).astype(float).tolist()
        return Distances([None if math.isnan(number) else number for number in decimals])

    @strawberry.field(
        metadata=cost(area=True),
        description="How many tiles the viewport has, on all pages. Counted if they are more than "
        "a page, which takes time in large viewports; null with an error if it takes too long.",
    )
    async def tiles_total(self, info: RequestInfo) -> int | None:
        """Count the tiles of the viewport."""
        if self.total is not None:
            return self.total
        return await info.context.loaders.count.load(self.count_key)


def encode(scores: npt.NDArray[np.float32]) -> ScoreMatrix:
    """Write scores, ``float32 [tiles, labels]``, as the API gives them out."""
    numbers = np.rint(scores * np.float32(SCALE))
    numbers[scores == NO_SCORE] = NONE
    return ScoreMatrix(base64.b64encode(numbers.astype("<u2").tobytes()).decode("ascii"))
