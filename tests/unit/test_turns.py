"""Few at once, a few more wait their turn, the others are refused."""

import threading
import time

import pytest

from earthgql.cancellation import Cancellation, working_for
from earthgql.errors import ClientGoneError, OverloadedError
from earthgql.turns import Turns


def turns(**options: float) -> Turns:
    given = {"waiting": 1, "wait_s": 0.2, **options}
    return Turns(1, refusal="too many: ask again later", **given)  # type: ignore[arg-type]


def test_one_after_the_other_in_time() -> None:
    one = turns(wait_s=5)
    ended: list[float] = []

    def work() -> None:
        with one.turn():
            time.sleep(0.1)
        ended.append(time.monotonic())

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(ended) == 2
    assert max(ended) - began >= 0.2


def test_who_waits_too_long_is_refused_and_others_at_once() -> None:
    one = turns()
    refused: list[float] = []

    def wait(began: float) -> None:
        with pytest.raises(OverloadedError, match="too many"), one.turn():
            pytest.fail("it is not its turn")
        refused.append(time.monotonic() - began)

    with one.turn():
        waiting = threading.Thread(target=wait, args=(time.monotonic(),))
        waiting.start()
        time.sleep(0.05)
        wait(time.monotonic())
        waiting.join(5)
    at_once, later = refused
    assert at_once < 0.1
    assert later >= 0.2
    with one.turn():
        pass  # nobody's place is lost


def test_who_is_gone_does_not_wait() -> None:
    one, request = turns(wait_s=30), Cancellation()
    with one.turn(), working_for(request):
        request.cancel(ClientGoneError("the client hung up"))
        began = time.monotonic()
        with pytest.raises(ClientGoneError), one.turn():
            pytest.fail("it is not its turn")
    assert time.monotonic() - began < 2
    with pytest.raises(ZeroDivisionError), one.turn():
        _ = 1 / 0
    with one.turn():
        pass
