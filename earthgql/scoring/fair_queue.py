"""A queue per request, served round robin, so that a long one cannot starve a short one."""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Request = TypeVar("Request", bound=Hashable)
Item = TypeVar("Item")

MAX_NEWCOMERS = 4
"""Requests that may join the current round, before those served in it get the next one."""


def _any_request(_request: object) -> bool:
    return True


class FairQueue(Generic[Request, Item]):
    """Items queued by request and served in rounds: one item of each request, first in first out.

    A new request joins the current round, so that a single click comes next after the item of a
    viewport that is being served. Only ``MAX_NEWCOMERS`` may, for a stream of clicks must not
    starve a viewport either.

    An item may be queued by several requests. It is taken when the first of them has its turn,
    and skipped in the other queues, where it no longer waits. Not thread-safe: its owner has a
    lock.
    """

    def __init__(self, is_waiting: Callable[[Item], bool]) -> None:
        """Make an empty queue.

        Args:
            is_waiting: whether an item is still to be taken; others are dropped when met.
        """
        self._is_waiting = is_waiting
        self._this_round: OrderedDict[Request, deque[Item]] = OrderedDict()
        self._next_round: OrderedDict[Request, deque[Item]] = OrderedDict()
        self._newcomers = 0
        self._unserved: set[Request] = set()

    def push(self, request: Request, item: Item) -> None:
        """Append an item to the queue of a request."""
        items = self._this_round.get(request) or self._next_round.get(request)
        if items is not None:
            items.append(item)
            return
        self._unserved.add(request)
        if not self._this_round and not self._next_round:
            self._newcomers = 0
        if self._newcomers < MAX_NEWCOMERS or not self._next_round:
            self._newcomers += 1
            self._this_round[request] = deque([item])
        else:
            self._next_round[request] = deque([item])

    def take(
        self, is_eligible: Callable[[Request], bool] = _any_request
    ) -> tuple[Request, Item] | None:
        """Take the first waiting item of the request whose turn it is.

        Args:
            is_eligible: whether an item of a request may be taken now; others keep their turn.

        Returns:
            The request and the item; None when no eligible request has one waiting.
        """
        if not self._this_round:
            self._this_round, self._next_round = self._next_round, self._this_round
            self._newcomers = 0
        for request in [*self._this_round, *self._next_round]:
            if is_eligible(request) and self._has_waiting(request):
                items = self._this_round.pop(request, None) or self._next_round.pop(request)
                item = items.popleft()
                self._unserved.discard(request)
                if items:
                    self._next_round[request] = items
                return request, item
        return None

    def has_unserved(self) -> bool:
        """Whether a request waits of which nothing has been taken since it came."""
        return bool(self._unserved)

    def requests(self) -> list[Request]:
        """Return the requests that have items waiting, in the order of their turns."""
        queued = [*self._this_round, *self._next_round]
        return [request for request in queued if self._has_waiting(request)]

    def remove(self, request: Request) -> None:
        """Remove the queue of a request with all its items, if there is one."""
        self._this_round.pop(request, None)
        self._next_round.pop(request, None)
        self._unserved.discard(request)

    def __bool__(self) -> bool:
        return bool(self.requests())

    def _has_waiting(self, request: Request) -> bool:
        """Drop items that no longer wait from the head of a queue; remove it when it is empty."""
        items = self._this_round.get(request) or self._next_round.get(request)
        while items and not self._is_waiting(items[0]):
            items.popleft()
        if not items:
            self.remove(request)
        return bool(items)
