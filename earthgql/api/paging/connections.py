"""Connections: pages of a list in a stable order, continued behind or in front of a cursor."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, Generic, Self, TypeVar

import strawberry
from strawberry import relay

from earthgql.api.paging.cursors import Cursors
from earthgql.catalog.tiles.order import Position
from earthgql.errors import BadInputError

DEFAULT_FIRST = 100
LARGEST_FIRST = 1000
DEFAULT_VIEWPORT = 2_000
LARGEST_VIEWPORT = 10_000
DEFAULT_DIFFERENCES = 100
LARGEST_DIFFERENCES = 5_000

Node = TypeVar("Node")
Row = TypeVar("Row")

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"At most so many from the beginning of the list, or from behind `after`: 1 to "
        f"{LARGEST_FIRST} (default: {DEFAULT_FIRST})."
    ),
]
After = Annotated[
    str | None,
    strawberry.argument(description="Only what is behind this cursor (default: from the start)."),
]
Last = Annotated[
    int | None,
    strawberry.argument(
        description=f"At most so many from the end of the list, or from in front of `before`, in "
        f"the order of the list: 1 to {LARGEST_FIRST}. Not together with `first`."
    ),
]
Before = Annotated[
    str | None,
    strawberry.argument(description="Only what is in front of this cursor (default: to the end)."),
]


@strawberry.type(description="An item of a connection and the cursor of its place.")
class Edge(Generic[Node]):
    """An item and its cursor."""

    cursor: str = strawberry.field(
        description="Give this as `after` to go on behind the item, as `before` in front of it."
    )
    node: Node = strawberry.field(description="The item.")


def _edges(self: Any) -> Any:
    """Give each item of a connection its cursor; few ask for that."""
    places = map(self.place, self.rows)
    return [
        Edge(cursor=self.page.cursors.write(place), node=node)
        for place, node in zip(places, self.nodes, strict=True)
    ]


@strawberry.type(description="One page of a list, in a stable order.")
class Connection(Generic[Node]):
    """One page of a list."""

    page: strawberry.Private["Page"]
    rows: strawberry.Private[Sequence[Any]]
    place: strawberry.Private[Callable[[Any], Position]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]
    nodes: list[Node] = strawberry.field(description="The items of this page.")
    edges: list[Edge[Node]] = strawberry.field(
        resolver=_edges, description="The items of this page, each with its cursor."
    )
    page_info: relay.PageInfo = strawberry.field(description="Where this page is in the list.")

    @strawberry.field(
        description="How many items all pages have. Counted only when asked for, which takes time "
        "in long lists; null with an error if it takes too long."
    )
    async def total_count(self) -> int | None:
        """Count the list."""
        return await self.count()

    @classmethod
    def of(
        cls,
        page: "Page",
        rows: Sequence[Row],
        *,
        node: Callable[[Row], Node],
        place: Callable[[Row], Position],
        count: Callable[[], Awaitable[int]],
    ) -> Self:
        """Make a page.

        Args:
            page: what was asked for.
            rows: ``page.limit`` rows in the order of the list, of which the one too many tells
                that there is a page beyond.
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


class Page:
    """Which page is asked for.

    Attributes:
        size: at most so many items.
        backward: whether they are those at the end rather than at the beginning.
        after: the place behind which they are, if any.
        before: the place in front of which they are, if any.
        cursors: of the query.
    """

    def __init__(
        self,
        cursors: Cursors,
        first: int | None,
        after: str | None,
        last: int | None = None,
        before: str | None = None,
        *,
        default: int = DEFAULT_FIRST,
        largest: int = LARGEST_FIRST,
    ) -> None:
        """Validate a request for a page.

        Raises:
            BadInputError: if ``first`` or ``last`` is not within 1..``largest``, both are given, or
                a cursor is malformed or of another query.
        """
        if first is not None and last is not None:
            raise BadInputError("give either first or last, and not both")
        for name, size in (("first", first), ("last", last)):
            if size is not None and not 1 <= size <= largest:
                raise BadInputError(f"{name} must be between 1 and {largest}, not {size}")
        self.cursors = cursors
        self.backward = last is not None
        self.size = first or last or default
        self.after = None if after is None else cursors.read(after)
        self.before = None if before is None else cursors.read(before)

    @property
    def limit(self) -> int:
        """Rows to fetch: one more than asked for tells whether there is a page beyond."""
        return self.size + 1

    def kept(self, rows: int) -> slice:
        """Which of the rows fetched, in the order of the list, are on the page."""
        return slice(max(rows - self.size, 0), rows) if self.backward else slice(0, self.size)


def page_info(page: Page, ends: Sequence[Position], *, more: bool) -> relay.PageInfo:
    """Say where a page is.

    Args:
        page: what was asked for.
        ends: places of its first and last item; nothing if it has none.
        more: whether there is another page beyond, on the side away from where it began.
    """
    return relay.PageInfo(
        has_next_page=page.before is not None or (more and not page.backward),
        has_previous_page=page.after is not None or (more and page.backward),
        start_cursor=page.cursors.write(ends[0]) if ends else None,
        end_cursor=page.cursors.write(ends[-1]) if ends else None,
    )
