"""Connections: pages of a list in a stable order, continued after a cursor."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, Self, TypeVar

import strawberry
from strawberry import relay

from earthgql.api import ids
from earthgql.errors import BadInputError

DEFAULT_FIRST = 100
LARGEST_FIRST = 1000
DEFAULT_VIEWPORT = 2_000
LARGEST_VIEWPORT = 10_000
CURSOR = "Cursor"

Node = TypeVar("Node")
Row = TypeVar("Row")


@strawberry.type(description="An item of a connection and the cursor to continue after it.")
class Edge(Generic[Node]):
    """An item and its cursor."""

    cursor: str = strawberry.field(description="Give this as `after` to continue behind the item.")
    node: Node = strawberry.field(description="The item.")


def _edges(self: Any) -> Any:
    """Give each item of a connection its cursor; few ask for that."""
    pairs = zip(self.row_ids, self.nodes, strict=True)
    return [Edge(cursor=ids.encode(CURSOR, row_id), node=node) for row_id, node in pairs]


@strawberry.type(description="One page of a list, in a stable order.")
class Connection(Generic[Node]):
    """One page of a list."""

    row_ids: strawberry.Private[list[int]]
    nodes: list[Node] = strawberry.field(description="The items of this page.")
    edges: list[Edge[Node]] = strawberry.field(
        resolver=_edges, description="The items of this page, each with its cursor."
    )
    page_info: relay.PageInfo = strawberry.field(description="Where this page is in the list.")

    @classmethod
    def of(
        cls,
        page: "Page",
        rows: Sequence[Row],
        *,
        node: Callable[[Row], Node],
        key: Callable[[Row], int],
    ) -> Self:
        """Make a page.

        Args:
            page: what was asked for.
            rows: ``page.limit`` rows, of which the one too many tells that there is a next page.
            node: makes the item of a row.
            key: gives the id of a row.
        """
        kept = rows[: page.first]
        row_ids = [key(row) for row in kept]
        return cls(
            row_ids=row_ids,
            nodes=[node(row) for row in kept],
            page_info=page_info(page, row_ids, more=len(rows) > page.first),
        )


class Page:
    """Which page is asked for: at most ``first`` rows whose id is above ``after``."""

    def __init__(self, first: int, after: str | None, *, largest: int = LARGEST_FIRST) -> None:
        """Validate a request for a page.

        Raises:
            BadInputError: if ``first`` is not within 1..``largest`` or the cursor is malformed.
        """
        if not 1 <= first <= largest:
            raise BadInputError(f"first must be between 1 and {largest}, not {first}")
        self.first = first
        self.after = None if after is None else ids.decode_as(CURSOR, after)

    @property
    def limit(self) -> int:
        """Rows to fetch: one more than asked for tells whether there is a next page."""
        return self.first + 1


def page_info(page: Page, row_ids: Sequence[int], *, more: bool) -> relay.PageInfo:
    """Say where a page is.

    Args:
        page: what was asked for.
        row_ids: of the items on it.
        more: whether there is another behind it.
    """
    return relay.PageInfo(
        has_next_page=more,
        has_previous_page=page.after is not None,
        start_cursor=ids.encode(CURSOR, row_ids[0]) if row_ids else None,
        end_cursor=ids.encode(CURSOR, row_ids[-1]) if row_ids else None,
    )
