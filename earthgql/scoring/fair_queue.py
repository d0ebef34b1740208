"""A queue of many lanes that are served in turn, so that a long one cannot starve a short one."""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Lane = TypeVar("Lane", bound=Hashable)
Item = TypeVar("Item")

MOST_NEWCOMERS = 4
"""Lanes that may still join a round, before those already served get another turn."""


def _anyone(_lane: object) -> bool:
    return True


class FairQueue(Generic[Lane, Item]):
    """Items in lanes, served in rounds: one item of each lane, in order within a lane.

    A lane that comes while a round is going on joins it, so that a single click comes next after
    the item of a viewport that is being served; but only so many may, for streams of clicks must
    not starve a viewport either.

    An item may stand in several lanes. It is taken from that whose turn comes first, and passed
    over in the others, where it no longer waits. Not thread-safe: its owner has a lock.
    """

    def __init__(self, waiting: Callable[[Item], bool]) -> None:
        """Make an empty queue.

        Args:
            waiting: tells whether an item is still to be taken; others are dropped on the way.
        """
        self._waiting = waiting
        self._this_round: OrderedDict[Lane, deque[Item]] = OrderedDict()
        self._next_round: OrderedDict[Lane, deque[Item]] = OrderedDict()
        self._newcomers = 0
        self._unserved: set[Lane] = set()

    def push(self, lane: Lane, item: Item) -> None:
        """Add an item to the end of a lane."""
        items = self._this_round.get(lane) or self._next_round.get(lane)
        if items is not None:
            items.append(item)
            return
        self._unserved.add(lane)
        if not self._this_round and not self._next_round:
            self._newcomers = 0
        if self._newcomers < MOST_NEWCOMERS or not self._next_round:
            self._newcomers += 1
            self._this_round[lane] = deque([item])
        else:
            self._next_round[lane] = deque([item])

    def take(self, admitted: Callable[[Lane], bool] = _anyone) -> tuple[Lane, Item] | None:
        """Take the first waiting item of the lane whose turn it is.

        Args:
            admitted: tells whether a lane may be taken from now; others keep their turn.

        Returns:
            The lane and the item; None when no admitted lane has one waiting.
        """
        if not self._this_round:
            self._this_round, self._next_round = self._next_round, self._this_round
            self._newcomers = 0
        for lane in [*self._this_round, *self._next_round]:
            if admitted(lane) and self._sweep(lane):
                items = self._this_round.pop(lane, None) or self._next_round.pop(lane)
                item = items.popleft()
                self._unserved.discard(lane)
                if items:
                    self._next_round[lane] = items
                return lane, item
        return None

    def has_unserved(self) -> bool:
        """Whether a lane waits of which nothing was taken since it came."""
        return bool(self._unserved)

    def lanes(self) -> list[Lane]:
        """Return the lanes that have items waiting, in the order of their turns."""
        return [lane for lane in [*self._this_round, *self._next_round] if self._sweep(lane)]

    def drop(self, lane: Lane) -> None:
        """Forget a lane with all its items."""
        self._this_round.pop(lane, None)
        self._next_round.pop(lane, None)
        self._unserved.discard(lane)

    def __bool__(self) -> bool:
        return bool(self.lanes())

    def _sweep(self, lane: Lane) -> bool:
        """Drop what no longer waits at the head of a lane, and the lane if nothing is left."""
        items = self._this_round.get(lane) or self._next_round.get(lane)
        while items and not self._waiting(items[0]):
            items.popleft()
        if not items:
            self.drop(lane)
        return bool(items)
