"""Connections: pages of a list in a stable order, continued behind or in front of a cursor."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, Self, TypeVar

import strawberry
from sqlalchemy import Connection as Database
from strawberry import relay

from earthgql.api.context import RequestInfo
from earthgql.api.costs import COUNTED_OUTSIDE, cost
from earthgql.api.paging.cursors import Cursors
from earthgql.api.paging.page import Page, PageArguments, page_info
from earthgql.catalog.tiles.order import Position

Node = TypeVar("Node")
Row = TypeVar("Row")


class Record(Protocol):
    """A row of a table with an id."""

    @property
    def id(self) -> int:
        """The id."""


RecordT = TypeVar("RecordT", bound=Record)


@strawberry.type(description="An item of a connection and the cursor of its place.")
class Edge(Generic[Node]):
    """An item and its cursor."""

    cursor: str = strawberry.field(
        description="As `after` it continues behind the item, as `before` in front of it."
    )
    node: Node = strawberry.field(description="The item.")


def _edges(self: Any) -> Any:
    """Give each item of a connection its cursor; computed only if selected."""
    places = map(self.place, self.rows)
    return [
        Edge(cursor=self.page.cursors.write(place), node=node)
        for place, node in zip(places, self.nodes, strict=True)
    ]


@strawberry.type(description="One page of a list, in a stable order.")
class Connection(Generic[Node]):
    """One page of a list."""

    page: strawberry.Private[Page]
    rows: strawberry.Private[Sequence[Any]]
    place: strawberry.Private[Callable[[Any], Position]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    nodes: list[Node] = strawberry.field(
        metadata=cost(items=COUNTED_OUTSIDE), description="The items of this page."
    )
    edges: list[Edge[Node]] = strawberry.field(
        resolver=_edges,
        metadata=cost(items=COUNTED_OUTSIDE),
        description="The items of this page, each with its cursor.",
    )
    page_info: relay.PageInfo = strawberry.field(description="Where this page is in the list.")

    @strawberry.field(
        metadata=cost(area=True),
        description="How many items all pages have. Counted only if selected, which takes time "
        "in long lists; null with an error if it takes too long.",
    )
    async def total_count(self) -> int | None:
        """Count the list."""
        return await self.count()

    @classmethod
    def of(
        cls,
        page: Page,
        rows: Sequence[Row],
        *,
        node: Callable[[Row], Node],
        place: Callable[[Row], Position],
        count: Callable[[], Awaitable[int]],
    ) -> Self:
        """Make a page.

        Args:
            page: the page.
            rows: at most ``page.limit`` rows in the order of the list; one more than the page
                holds tells that there is another page.
            node: makes the item of a row.
            place: gives the place of a row in the list.
            count: counts the list.
        """
        kept = rows[page.kept(len(rows))]
        ends = [place(row) for row in (kept[0], kept[-1])] if kept else []
        return cls(
            page=page,
            rows=kept,
            place=place,
            count=count,
            nodes=[node(row) for row in kept],
            page_info=page_info(page, ends, more=len(rows) > page.size),
        )


def connection_by_id(
    info: RequestInfo,
    kind: str,
    page: PageArguments,
    *,
    rows: Callable[..., Sequence[RecordT]],
    count: Callable[[Database], int],
    node: Callable[[RecordT], Node],
) -> Connection[Node]:
    """Return a page of a list of the catalogue that is in the order of its ids.

    Args:
        info: of the request.
        kind: of the list's cursors.
        page: which part of the list.
        rows: reads it from the database, by the arguments of ``Page.by_ids``.
        count: counts the list; called only if that is selected.
        node: makes the item of a row.

    Raises:
        BadInputError: if the page is invalid.
    """
    chosen = Page(Cursors(kind), page)

    async def count_all() -> int:
        with info.context.loaders.connection() as connection:
            return count(connection)

    with info.context.loaders.connection() as connection:
        found = rows(connection, **chosen.by_ids)
    return Connection[Node].of(chosen, found, node=node, place=_place, count=count_all)


def _place(row: Record) -> Position:
    return Position(row.id)
