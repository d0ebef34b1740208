import itertools

from hypothesis import given
from hypothesis import strategies as st

from earthgql.scoring.fair_queue import MAX_NEWCOMERS, FairQueue


class Item:
    def __init__(self, name: str) -> None:
        self.name = name
        self.waiting = True


def queue_of(requests: dict[str, int]) -> FairQueue[str, Item]:
    queue: FairQueue[str, Item] = FairQueue(lambda item: item.waiting)
    for request, count in requests.items():
        for number in range(count):
            queue.push(request, Item(f"{request}{number}"))
    return queue


def drained(queue: FairQueue[str, Item]) -> list[str]:
    names = []
    while found := queue.take():
        found[1].waiting = False
        names.append(found[1].name)
    return names


def test_requests_are_served_in_turn() -> None:
    assert drained(queue_of({"a": 4, "b": 2, "c": 1})) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_a_request_that_comes_late_joins_the_round() -> None:
    queue = queue_of({"a": 5, "b": 5})
    assert [queue.take()[1].name for _ in range(3)] == ["a0", "b0", "a1"]
    queue.push("c", Item("c0"))
    assert drained(queue)[:3] == ["b1", "c0", "a2"]


def test_a_click_comes_next_after_what_a_lone_viewport_is_served() -> None:
    queue = queue_of({"viewport": 5})
    queue.take()
    queue.push("click", Item("click0"))
    assert [queue.take()[1].name for _ in range(2)] == ["click0", "viewport1"]


def test_has_unserved_is_true_while_a_request_got_no_turn() -> None:
    queue = queue_of({"viewport": 5})
    assert queue.has_unserved()
    queue.take()
    assert not queue.has_unserved()
    queue.push("click", Item("click0"))
    queue.push("other", Item("other0"))
    queue.take()
    assert queue.has_unserved()
    queue.remove("other")
    assert not queue.has_unserved()


def test_an_endless_stream_of_clicks_does_not_starve_a_viewport() -> None:
    queue = queue_of({"viewport": 60})
    clicks = (f"click{number}" for number in itertools.count())
    people = 3
    for _ in range(people):
        queue.push(click := next(clicks), Item(click))
    served = []
    for _ in range(100):
        served.append(queue.take()[0])
        if served[-1] != "viewport":
            # Whoever was answered asks again at once.
            queue.push(click := next(clicks), Item(click))
    assert 100 / (people + MAX_NEWCOMERS + 1) <= served.count("viewport") <= 50


def test_an_item_in_two_requests_is_taken_once_by_the_first_turn() -> None:
    queue = queue_of({"a": 3})
    shared = Item("shared")
    queue.push("a", shared)
    queue.push("b", shared)
    queue.push("b", Item("b1"))
    assert drained(queue) == ["a0", "shared", "a1", "b1", "a2"]


def test_requests_not_admitted_keep_their_turn() -> None:
    queue = queue_of({"a": 2, "b": 2})
    assert queue.take(lambda request: request == "b")[1].name == "b0"
    assert queue.take(lambda _request: False) is None
    assert drained(queue) == ["a0", "b1", "a1"]


def test_dropped_requests_and_items_that_no_longer_wait_are_gone() -> None:
    queue = queue_of({"a": 1, "b": 1})
    queue.remove("a")
    queue.remove("unknown")
    assert queue.requests() == ["b"]
    assert queue
    queue.take()[1].waiting = False
    assert not queue
    assert queue.requests() == []
    gone = Item("gone")
    gone.waiting = False
    queue.push("c", gone)
    assert not queue


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 12), min_size=1))
def test_no_request_gets_two_more_than_another_that_waits(requests: dict[str, int]) -> None:
    names = drained(queue_of(requests))
    assert sorted(names) == sorted(
        f"{request}{i}" for request, count in requests.items() for i in range(count)
    )
    served = dict.fromkeys(requests, 0)
    for name in names:
        served[name[0]] += 1
        waiting = [served[request] for request in requests if served[request] < requests[request]]
        assert served[name[0]] <= min(waiting, default=99) + 1
        assert int(name[1:]) == served[name[0]] - 1, "in order within a request"
