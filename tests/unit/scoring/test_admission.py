import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthgql.errors import OverloadedError
from earthgql.scoring.admission import Admission


def test_a_large_request_leaves_places_for_others() -> None:
    admission = Admission(400)
    admission.send("viewport", 10_000)
    admission.send("second viewport", 100)
    admission.send("third viewport", 100)
    for number in range(100):
        admission.send(f"click {number}", 1)
    assert admission.tiles == 10_300
    with pytest.raises(OverloadedError, match=r"10,300 tiles are on their way .* and 1 more"):
        admission.send("one click too many", 1)


def test_the_last_places_are_for_requests_of_few_tiles() -> None:
    admission = Admission(640)
    for number in range(3):
        admission.send(number, 160)
    for tiles in (11, 160, 5000):
        with pytest.raises(OverloadedError):
            admission.send("more", tiles)
    admission.send("few", 10)
    assert admission.tiles == 490


def test_places_are_given_back_one_by_one() -> None:
    admission = Admission(8)
    admission.send("viewport", 6)
    for number in range(6):
        admission.send(number, 1)
    with pytest.raises(OverloadedError):
        admission.send("click", 1)
    for _ in range(4):  # of what did not count
        admission.arrived("viewport")
    with pytest.raises(OverloadedError):
        admission.send("click", 1)
    admission.arrived("viewport")
    admission.send("click", 1)
    assert admission.tiles == 8


def test_who_is_alone_is_never_too_large_and_none_at_all_needs_no_place() -> None:
    admission = Admission(1)
    admission.send("viewport", 10_000)
    admission.send("all of it stored or on its way", 0)
    with pytest.raises(OverloadedError):
        admission.send("click", 1)
    for _ in range(10_000):
        admission.arrived("viewport")
    admission.send("click", 1)


def test_an_infinite_number_of_places_is_never_taken() -> None:
    admission = Admission(math.inf)
    for number in range(5):
        admission.send(number, 1_000_000)
    assert admission.tiles == 5_000_000


@given(st.integers(1, 50), st.lists(st.integers(0, 60), max_size=30), st.randoms())
def test_what_was_taken_comes_back(places: int, requests: list[int], chance) -> None:
    admission = Admission(places)
    on_way: Counter[int] = Counter()
    for number, tiles in enumerate(requests):
        try:
            admission.send(number, tiles)
            on_way[number] += tiles
        except OverloadedError:
            assert on_way.total()
        assert admission.tiles == on_way.total()
        for sender in chance.sample(sorted(on_way.elements()), on_way.total() // 2):
            on_way[sender] -= 1
            admission.arrived(sender)
    for sender in on_way.elements():
        admission.arrived(sender)
    assert admission.tiles == 0
    admission.send("anybody", 10**9)
