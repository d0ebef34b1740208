"""Event loops for requests, used again and again: a new one costs more than a small query."""

import asyncio
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class EventLoops:
    """Runs coroutines, each in an event loop of its own and in the caller's thread."""

    def __init__(self) -> None:
        # Adding to a list and taking from it are atomic, and no two threads get the same loop.
        self._idle: list[asyncio.AbstractEventLoop] = []
        weakref.finalize(self, _close, self._idle)

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine to its end, and cancel the tasks that it left running."""
        try:
            loop = self._idle.pop()
        except IndexError:
            loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            try:
                _cancel_rest(loop)
            except BaseException:  # such as an interrupt: tasks may be left in it
                loop.close()
                raise
            self._idle.append(loop)


def _cancel_rest(loop: asyncio.AbstractEventLoop) -> None:
    rest = asyncio.all_tasks(loop)
    if rest:
        for task in rest:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))


def _close(loops: list[asyncio.AbstractEventLoop]) -> None:
    while loops:
        loop = loops.pop()
        try:
            # Garbage may be collected while another loop runs in this thread, which allows no more.
            if not _is_running():
                loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


def _is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
