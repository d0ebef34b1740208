import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthgql.errors import OverloadedError
from earthgql.scoring.admission import Admission


def test_a_large_request_leaves_places_for_others() -> None:
    admission = Admission(400)
    admission.admit("viewport", 10_000)
    admission.admit("second viewport", 100)
    admission.admit("third viewport", 100)
    for number in range(100):
        admission.admit(f"click {number}", 1)
    assert admission.tiles == 10_300
    with pytest.raises(OverloadedError, match=r"10,300 tiles are on their way .* and 1 more"):
        admission.admit("one click too many", 1)


def test_the_last_places_are_for_requests_of_few_tiles() -> None:
    admission = Admission(640)
    for number in range(3):
        admission.admit(number, 160)
    for tiles in (11, 160, 5000):
        with pytest.raises(OverloadedError):
            admission.admit("more", tiles)
    admission.admit("few", 10)
    assert admission.tiles == 490


def test_tiles_are_released_one_by_one() -> None:
    admission = Admission(8)
    admission.admit("viewport", 6)
    for number in range(6):
        admission.admit(number, 1)
    with pytest.raises(OverloadedError):
        admission.admit("click", 1)
    for _ in range(4):  # of what did not count
        admission.release("viewport")
    with pytest.raises(OverloadedError):
        admission.admit("click", 1)
    admission.release("viewport")
    admission.admit("click", 1)
    assert admission.tiles == 8


def test_who_is_alone_is_never_too_large_and_none_at_all_needs_no_place() -> None:
    admission = Admission(1)
    admission.admit("viewport", 10_000)
    admission.admit("all of it stored or on its way", 0)
    with pytest.raises(OverloadedError):
        admission.admit("click", 1)
    for _ in range(10_000):
        admission.release("viewport")
    admission.admit("click", 1)


def test_an_infinite_number_of_places_is_never_taken() -> None:
    admission = Admission(math.inf)
    for number in range(5):
        admission.admit(number, 1_000_000)
    assert admission.tiles == 5_000_000


@given(st.integers(1, 50), st.lists(st.integers(0, 60), max_size=30), st.randoms())
def test_what_was_taken_comes_back(capacity: int, requests: list[int], chance) -> None:
    admission = Admission(capacity)
    in_flight: Counter[int] = Counter()
    for number, tiles in enumerate(requests):
        try:
            admission.admit(number, tiles)
            in_flight[number] += tiles
        except OverloadedError:
            assert in_flight.total()
        assert admission.tiles == in_flight.total()
        for request in chance.sample(sorted(in_flight.elements()), in_flight.total() // 2):
            in_flight[request] -= 1
            admission.release(request)
    for request in in_flight.elements():
        admission.release(request)
    assert admission.tiles == 0
    admission.admit("anybody", 10**9)
