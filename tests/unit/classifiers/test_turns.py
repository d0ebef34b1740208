import threading
import time

from earthgql.classifiers.turns import Turns


def test_turns_are_given_in_the_order_asked_for() -> None:
    turns, order = Turns(), []
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn() as mine:
            assert mine
            held.set()
            release.wait(5)

    def take(number: int) -> None:
        with turns.turn() as mine:
            assert mine
            order.append(number)

    first = threading.Thread(target=hold)
    first.start()
    assert held.wait(5)
    waiting = []
    for number in range(5):
        thread = threading.Thread(target=take, args=(number,))
        thread.start()
        while len(turns._line) < number + 2:
            time.sleep(0.001)
        waiting.append(thread)
    assert order == []
    release.set()
    for thread in (first, *waiting):
        thread.join(5)
    assert order == [0, 1, 2, 3, 4]


def test_who_waits_too_long_gives_up_and_is_not_waited_for() -> None:
    turns = Turns()
    with turns.turn() as first:
        assert first
        began = time.monotonic()
        with turns.turn(began + 0.05) as second:
            assert not second
        assert 0.04 < time.monotonic() - began < 2
    with turns.turn(time.monotonic() + 5) as third:
        assert third
    with turns.turn(time.monotonic() - 1) as late:
        assert late, "a turn that is free is taken even with no time to wait"
