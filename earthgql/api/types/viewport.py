"""``Viewport``: a viewport as columns, for clients that want labels rather than objects."""

import asyncio
import base64
import logging
from collections import defaultdict
from typing import NewType, Self

import numpy as np
import numpy.typing as npt
import strawberry
from strawberry import relay
from strawberry.types.nodes import SelectedField, Selection

from earthgql.api.context import RequestInfo
from earthgql.api.loaders import BoundsKey, ColumnsKey, CountKey
from earthgql.api.paging.connections import Page, page_info
from earthgql.api.types.nodes import Model, load_scores, model_of
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.columns import NO_SCORE, TileColumns
from earthgql.errors import EarthGQLError

SCALE = 65534
NONE = 65535

_log = logging.getLogger(__name__)

Integers = NewType("Integers", list[int])
INTEGERS_SCALAR = strawberry.scalar(
    name="Integers", description="A column of whole numbers: a JSON array, one number a tile."
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
        description="Places of these tiles in the columns, counted from 0."
    )


@strawberry.type(
    description="The tiles of a viewport as columns of equal length, one entry a tile. A tile "
    "without scores has none all along its row of `scores`; `errors` says why."
)
class Viewport:
    """A viewport as columns."""

    key: strawberry.Private[BoundsKey]
    total: strawberry.Private[int | None]
    model: Model = strawberry.field(description="The model that classified the tiles.")
    labels: list[str] = strawberry.field(description="Labels of the columns of `scores`.")
    ids: Integers = strawberry.field(
        description="Numbers of the tiles: /tiles/NUMBER.png shows one, and its `id` elsewhere is "
        "base64 of `Tile:NUMBER`."
    )
    z: Integers = strawberry.field(description="Zoom levels.")
    x: Integers = strawberry.field(description="Columns of the grid, from the antimeridian.")
    y: Integers = strawberry.field(description="Rows of the grid, from the north (XYZ).")
    scores: ScoreMatrix = strawberry.field(
        description="Scores of all labels for all tiles, before any cutoff; `model.thresholds` "
        "holds the usual ones."
    )
    tiles_classified: int = strawberry.field(
        description="How many of the tiles in these columns have scores."
    )
    errors: list[ViewportError] = strawberry.field(
        description="What kept tiles from being classified; those that were are answered."
    )
    page_info: relay.PageInfo = strawberry.field(
        description="Where these tiles are among all of the viewport."
    )

    @strawberry.field(
        description="How many tiles the viewport has, on all pages. Counted if they are more than "
        "a page, which takes time in large viewports; null with an error if it takes too long."
    )
    async def tiles_total(self, info: RequestInfo) -> int | None:
        """Count the tiles of the viewport."""
        if self.total is not None:
            return self.total
        return await info.context.loaders.count.load(CountKey(self.key.parts, self.key.where))

    @classmethod
    async def load(
        cls, info: RequestInfo, key: BoundsKey, page: Page, model: ModelRecord, *, infer: bool
    ) -> Self:
        """Read a viewport, and classify those of its tiles that never were.

        Args:
            info: of the resolver.
            key: which tiles; one more than the page holds tells that there is another page.
            page: what was asked for.
            model: whose scores; another than this server runs classifies nothing.
            infer: whether to classify; else stored scores are all there is.
        """
        columns = await info.context.loaders.columns.load(ColumnsKey(key, model))
        more = len(columns.ids) > page.size
        columns = columns.part(page.kept(len(columns.ids)))
        unknown = np.flatnonzero(columns.scores[:, 0] == NO_SCORE).tolist()
        errors: list[ViewportError] = []
        scores = columns.scores
        alone = not more and page.after is None and page.before is None
        if infer and unknown:
            if key.where.classified is False and not alone and _asks(info, "tilesTotal"):
                # Classified tiles are no longer of the list: the loader remembers how many it had.
                count = info.context.loaders.count.load(CountKey(key.parts, key.where))
                await asyncio.gather(count, return_exceptions=True)
            scores, errors = await _classify(info, columns, unknown, model)
        made = model_of(info, model)
        return cls(
            key=key,
            total=len(columns.ids) if alone else None,
            model=made,
            labels=made.labels,
            ids=Integers(columns.ids),
            z=Integers(columns.z),
            x=Integers(columns.x),
            y=Integers(columns.y),
            scores=encode(scores),
            tiles_classified=len(columns.ids)
            - (sum(len(error.rows) for error in errors) if infer else len(unknown)),
            errors=errors,
            page_info=page_info(
                page, [columns.position(row) for row in (0, -1) if columns.ids], more=more
            ),
        )


def encode(scores: npt.NDArray[np.float32]) -> ScoreMatrix:
    """Write scores, ``float32 [tiles, labels]``, as the API gives them out."""
    numbers = np.rint(scores * np.float32(SCALE))
    numbers[scores == NO_SCORE] = NONE
    return ScoreMatrix(base64.b64encode(numbers.astype("<u2").tobytes()).decode("ascii"))


def _asks(info: RequestInfo, name: str) -> bool:
    """Tell whether a field is asked for within the one that is resolved."""
    waiting: list[Selection] = [part for field in info.selected_fields for part in field.selections]
    while waiting:
        part = waiting.pop()
        if not isinstance(part, SelectedField):
            waiting.extend(part.selections)
        elif part.name == name:
            return True
    return False


async def _classify(
    info: RequestInfo, columns: TileColumns, unknown: list[int], model: ModelRecord
) -> tuple[npt.NDArray[np.float32], list[ViewportError]]:
    """Classify tiles, together with all others of the request.

    Returns:
        The scores, with rows of ``unknown`` filled in where that went well, and what did not.
    """
    answers = await asyncio.gather(
        *(load_scores(info, columns.ids[row], model) for row in unknown), return_exceptions=True
    )
    scores = columns.scores.copy()
    failed: dict[str, list[int]] = defaultdict(list)
    first: dict[str, EarthGQLError] = {}
    for row, answer in zip(unknown, answers, strict=True):
        if isinstance(answer, EarthGQLError):
            failed[answer.code].append(row)
            first.setdefault(answer.code, answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            scores[row] = answer.scores
    for code, error in first.items():
        if error.status >= 500:
            _log.warning("%s in a viewport, %d tiles: %s", code, len(failed[code]), error)
    return scores, [
        ViewportError(code=code, message=error.public_message, rows=Integers(failed[code]))
        for code, error in first.items()
    ]
