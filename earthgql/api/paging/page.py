"""Pages of a list: how many items, from which end, behind or in front of which cursor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

import strawberry
from strawberry import relay

from earthgql.api.argument_groups import Arguments
from earthgql.api.costs import Length
from earthgql.api.paging.cursors import Cursors
from earthgql.catalog.tiles.order import Position
from earthgql.errors import BadInputError

DEFAULT_FIRST = 100
LARGEST_FIRST = 1000
DEFAULT_VIEWPORT = 2_000
LARGEST_VIEWPORT = 10_000
DEFAULT_DIFFERENCES = 100
LARGEST_DIFFERENCES = 5_000

PAGE_LENGTH = Length(DEFAULT_FIRST, ("first", "last"), largest=LARGEST_FIRST)
COLUMNS_LENGTH = Length(DEFAULT_VIEWPORT, ("first", "last"), largest=LARGEST_VIEWPORT)
DIFFERENCES_LENGTH = Length(DEFAULT_DIFFERENCES, ("first",), largest=LARGEST_DIFFERENCES)

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
ColumnsFirst = Annotated[
    int | None,
    strawberry.argument(
        description=f"At most so many tiles, 1 to {LARGEST_VIEWPORT} (default: "
        f"{DEFAULT_VIEWPORT}); `pageInfo` tells whether there are more."
    ),
]
ColumnsLast = Annotated[
    int | None,
    strawberry.argument(
        description=f"At most so many tiles from the end, 1 to {LARGEST_VIEWPORT}. Not together "
        "with `first`."
    ),
]


@dataclass(frozen=True, slots=True)
class PageArguments(Arguments):
    """Which page of a list."""

    first: First = None
    after: After = None
    last: Last = None
    before: Before = None


@dataclass(frozen=True, slots=True)
class ColumnPageArguments(PageArguments):
    """Which page of a list of tiles as columns."""

    first: ColumnsFirst = None
    last: ColumnsLast = None


class RowPage(TypedDict):
    """Arguments of the catalogue's lists that choose a page by row ids."""

    limit: int
    after: int | None
    before: int | None
    backward: bool


class Page:
    """A page of a list.

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
        arguments: PageArguments,
        *,
        default: int = DEFAULT_FIRST,
        largest: int = LARGEST_FIRST,
    ) -> None:
        """Validate a request for a page.

        Args:
            cursors: of the query.
            arguments: which page.
            default: items where neither ``first`` nor ``last`` is given.
            largest: what these may be at most.

        Raises:
            BadInputError: if ``first`` or ``last`` is not within 1..``largest``, both are given, or
                a cursor is malformed or of another query.
        """
        first, last = arguments.first, arguments.last
        if first is not None and last is not None:
            raise BadInputError("give either first or last, and not both")
        for name, size in (("first", first), ("last", last)):
            if size is not None and not 1 <= size <= largest:
                raise BadInputError(f"{name} must be between 1 and {largest}, not {size}")
        self.cursors = cursors
        self.backward = last is not None
        self.size = first or last or default
        self.after = None if arguments.after is None else cursors.read(arguments.after)
        self.before = None if arguments.before is None else cursors.read(arguments.before)

    @property
    def limit(self) -> int:
        """Rows to fetch: one more than the page holds tells whether there is another page."""
        return self.size + 1

    @property
    def by_ids(self) -> RowPage:
        """The page in the catalogue's terms, for lists in the order of their ids."""
        return {
            "limit": self.limit,
            "after": self.after.id if self.after is not None else None,
            "before": self.before.id if self.before is not None else None,
            "backward": self.backward,
        }

    def kept(self, rows: int) -> slice:
        """Which of the rows fetched, in the order of the list, are on the page."""
        return slice(max(rows - self.size, 0), rows) if self.backward else slice(0, self.size)


def page_info(page: Page, ends: Sequence[Position], *, more: bool) -> relay.PageInfo:
    """Say where a page is.

    Args:
        page: the page.
        ends: places of its first and last item; nothing if it has none.
        more: whether there is another page beyond, on the side away from where it began.
    """
    return relay.PageInfo(
        has_next_page=page.before is not None or (more and not page.backward),
        has_previous_page=page.after is not None or (more and page.backward),
        start_cursor=page.cursors.write(ends[0]) if ends else None,
        end_cursor=page.cursors.write(ends[-1]) if ends else None,
    )
