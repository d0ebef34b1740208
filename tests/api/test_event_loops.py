"""Event loops that serve one request after the other."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator

import pytest

from earthgql.api.execution.loops import EventLoops


def test_an_event_loop_serves_one_request_after_the_other() -> None:
    loops = EventLoops()

    async def which() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    first = loops.run(which())
    assert loops.run(which()) is first
    both = threading.Barrier(2)
    seen: list[asyncio.AbstractEventLoop] = []

    async def meet() -> None:
        both.wait(20)
        seen.append(asyncio.get_running_loop())

    threads = [threading.Thread(target=loops.run, args=(meet(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 2
    del loops, threads, thread
    assert all(loop.is_closed() for loop in seen)


def test_what_a_request_leaves_behind_is_cancelled() -> None:
    loops = EventLoops()
    left: list[asyncio.Task[None]] = []

    async def leave(fail: bool) -> None:
        left.append(asyncio.create_task(asyncio.sleep(3600)))
        if fail:
            raise ValueError

    loops.run(leave(False))
    with pytest.raises(ValueError):
        loops.run(leave(True))
    assert all(task.cancelled() for task in left)


def test_loops_end_the_generators_that_they_began() -> None:
    ended: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            ended.append("numbers")

    kept = numbers()

    async def begin() -> int:
        return await anext(kept)

    loops = EventLoops()
    assert loops.run(begin()) == 1
    assert ended == []
    del loops
    gc.collect()
    assert ended == ["numbers"]


def test_a_loop_in_which_something_may_be_left_is_not_used_again() -> None:
    used: list[asyncio.AbstractEventLoop] = []
    left: list[asyncio.Task[None]] = []

    async def leave() -> None:
        used.append(asyncio.get_running_loop())
        left.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(60)

    async def loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    loops = EventLoops()
    with pytest.raises(RuntimeError, match="stopped before"):
        loops.run(leave())
    assert used[0].is_closed()
    assert loops.run(loop()) is not used[0]
