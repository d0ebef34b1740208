"""What was asked for of late, of a bounded size in all."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Values by name; those not asked for the longest are forgotten first. Threads may share it."""

    def __init__(self, characters: int) -> None:
        """Keep nothing yet.

        Args:
            characters: so many at most, of all values together.
        """
        self._most = characters
        self._kept: OrderedDict[str, tuple[Value, int]] = OrderedDict()
        self._length = 0
        self._lock = threading.Lock()

    def get(self, name: str) -> Value | None:
        """Return a value; None if it is not kept."""
        with self._lock:
            if name not in self._kept:
                return None
            self._kept.move_to_end(name)
            return self._kept[name][0]

    def put(self, name: str, value: Value, characters: int) -> None:
        """Keep a value that counts as so many characters."""
        with self._lock:
            _, before = self._kept.pop(name, (None, 0))
            self._length += characters - before
            self._kept[name] = (value, characters)
            while self._length > self._most:
                _, (_, freed) = self._kept.popitem(last=False)
                self._length -= freed
