"""``viewport``: the tiles of a viewport as columns."""

import asyncio
import logging
from collections import defaultdict
from typing import Annotated

import numpy as np
import numpy.typing as npt
import strawberry
from strawberry.types.nodes import SelectedField, Selection

from earthgql.api.argument_groups import grouped
from earthgql.api.context import RequestInfo
from earthgql.api.costs import cost
from earthgql.api.loaders import ColumnsKey
from earthgql.api.paging.page import (
    COLUMNS_LENGTH,
    DEFAULT_VIEWPORT,
    LARGEST_VIEWPORT,
    Page,
    page_info,
)
from earthgql.api.selection import TileQuery, tile_query
from earthgql.api.types.arguments import ColumnArguments
from earthgql.api.types.model import find_model, model_of
from earthgql.api.types.tile import load_scores
from earthgql.api.types.viewport import Integers, Viewport, ViewportError, encode
from earthgql.catalog.models import ModelRecord
from earthgql.catalog.tiles.columns import NO_SCORE, TileColumns
from earthgql.errors import EarthGQLError

_log = logging.getLogger(__name__)


@strawberry.type
class ViewportQueries:
    """The viewport as columns; part of the schema's query type."""

    @strawberry.field(
        metadata=cost(rows=COLUMNS_LENGTH, area=True),
        description="The same tiles as columns, with the scores of all labels: for maps, and for "
        "whatever counts or draws many tiles. Null only on errors.",
    )
    @grouped
    async def viewport(
        self,
        info: RequestInfo,
        *,
        tiles: ColumnArguments,
        infer: Annotated[
            bool,
            strawberry.argument(
                description="Whether to classify tiles that never were; else they come without "
                "scores, at once."
            ),
        ] = True,
    ) -> Viewport | None:
        """Answer for a viewport in columns."""
        model = await find_model(info, tiles.model)
        query = await tile_query(info, tiles)
        page = Page(query.cursors, tiles.page, default=DEFAULT_VIEWPORT, largest=LARGEST_VIEWPORT)
        return await load_viewport(info, query, page, model, infer=infer)


async def load_viewport(
    info: RequestInfo, query: TileQuery, page: Page, model: ModelRecord, *, infer: bool
) -> Viewport:
    """Read a viewport, and classify those of its tiles that never were.

    Args:
        info: of the resolver.
        query: which tiles.
        page: which of them, the page's size at most.
        model: whose scores; another than this server runs classifies nothing.
        infer: whether to classify; else stored scores are all there is.
    """
    key = query.key(page)
    columns = await info.context.loaders.columns.load(ColumnsKey(key, model))
    more = len(columns.ids) > page.size
    columns = columns.part(page.kept(len(columns.ids)))
    unknown = np.flatnonzero(columns.scores[:, 0] == NO_SCORE).tolist()
    errors: list[ViewportError] = []
    scores, distances = columns.scores, columns.domain_distances
    alone = not more and page.after is None and page.before is None
    if infer and unknown:
        if key.where.classified is False and not alone and _selects(info, "tilesTotal"):
            # Classified tiles are no longer of the list: the loader remembers how many it had.
            count = info.context.loaders.count.load(query.count_key)
            await asyncio.gather(count, return_exceptions=True)
        scores, distances, errors = await _classify(info, columns, unknown, model)
    api_model = model_of(info, model)
    return Viewport(
        count_key=query.count_key,
        total=len(columns.ids) if alone else None,
        model=api_model,
        labels=api_model.labels,
        ids=Integers(columns.ids),
        z=Integers(columns.z),
        x=Integers(columns.x),
        y=Integers(columns.y),
        scores=encode(scores),
        distances=distances,
        tiles_classified=len(columns.ids)
        - (sum(len(error.rows) for error in errors) if infer else len(unknown)),
        errors=errors,
        page_info=page_info(
            page, [columns.position(row) for row in (0, -1) if columns.ids], more=more
        ),
    )


def _selects(info: RequestInfo, name: str) -> bool:
    """Tell whether the selection of the field that is resolved has a field of this name."""
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
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], list[ViewportError]]:
    """Classify tiles, together with all others of the request.

    Returns:
        The scores and the distances, with rows of ``unknown`` filled in where that went well, and
        what did not.
    """
    answers = await asyncio.gather(
        *(load_scores(info, columns.ids[row], model) for row in unknown), return_exceptions=True
    )
    scores, distances = columns.scores.copy(), columns.domain_distances.copy()
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
            if answer.domain_distance is not None:
                distances[row] = answer.domain_distance
    for code, error in first.items():
        if error.status >= 500:
            _log.warning("%s in a viewport, %d tiles: %s", code, len(failed[code]), error)
    errors = [
        ViewportError(code=code, message=error.public_message, rows=Integers(failed[code]))
        for code, error in first.items()
    ]
    return scores, distances, errors
