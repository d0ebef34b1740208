"""Connections: pages of a list in a stable order, continued after a cursor."""

from collections.abc import Callable, Sequence
from typing import Generic, Self, TypeVar

import strawberry
from strawberry import relay

from earthgql.api import ids
from earthgql.errors import BadInputError

DEFAULT_FIRST = 100
LARGEST_FIRST = 1000
CURSOR = "Cursor"

Node = TypeVar("Node")
Row = TypeVar("Row")


@strawberry.type(description="An item of a connection and the cursor to continue after it.")
class Edge(Generic[Node]):
    """An item and its cursor."""

    cursor: str = strawberry.field(description="Give this as `after` to continue behind the item.")
    node: Node = strawberry.field(description="The item.")


@strawberry.type(description="One page of a list, in a stable order.")
class Connection(Generic[Node]):
    """One page of a list."""

    nodes: list[Node] = strawberry.field(description="The items of this page.")
    edges: list[Edge[Node]] = strawberry.field(
        description="The items of this page, each with its cursor."
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
        nodes = [node(row) for row in kept]
        cursors = [ids.encode(CURSOR, key(row)) for row in kept]
        return cls(
            nodes=nodes,
            edges=[Edge(cursor=c, node=n) for c, n in zip(cursors, nodes, strict=True)],
            page_info=relay.PageInfo(
                has_next_page=len(rows) > page.first,
                has_previous_page=page.after is not None,
                start_cursor=cursors[0] if cursors else None,
                end_cursor=cursors[-1] if cursors else None,
            ),
        )


class Page:
    """Which page is asked for: at most ``first`` rows whose id is above ``after``."""

    def __init__(self, first: int, after: str | None) -> None:
        """Validate a request for a page.

        Raises:
            BadInputError: if ``first`` is not within 1..1000 or the cursor is malformed.
        """
        if not 1 <= first <= LARGEST_FIRST:
            raise BadInputError(f"first must be between 1 and {LARGEST_FIRST}, not {first}")
        self.first = first
        self.after = None if after is None else ids.decode_as(CURSOR, after)

    @property
    def limit(self) -> int:
        """Rows to fetch: one more than asked for tells whether there is a next page."""
        return self.first + 1
