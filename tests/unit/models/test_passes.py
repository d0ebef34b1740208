import numpy as np
import pytest

from earthgql.models.passes import Pass, divide_into_passes, padded_size, sizes_up_to


@pytest.mark.parametrize(
    ("count", "size"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 4), (6, 8), (7, 8), (30, 32), (99, 32)]
)
def test_little_is_padded(count: int, size: int) -> None:
    assert padded_size(count, sizes_up_to(32)) == size


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(1, (1,)), (2, (1, 2)), (32, (1, 2, 4, 8, 16, 32)), (20, (1, 2, 4, 8, 16, 20))],
)
def test_sizes_end_at_the_setting(most: int, sizes: tuple[int, ...]) -> None:
    assert sizes_up_to(most) == sizes


def test_a_batch_is_divided_into_passes_of_the_sizes_there_are() -> None:
    assert list(divide_into_passes(0, (1, 4))) == []
    assert list(divide_into_passes(2, (1, 4))) == [Pass(0, 1, 1), Pass(1, 1, 1)]
    assert list(divide_into_passes(7, (1, 4))) == [Pass(0, 4, 4), Pass(4, 3, 4)]


def test_what_is_more_than_the_tiles_is_zero() -> None:
    inputs = np.arange(1, 15, dtype=np.uint8).reshape(7, 2)
    assert Pass(0, 4, 4).padded_slice(inputs).tolist() == inputs[:4].tolist()
    assert Pass(4, 3, 4).padded_slice(inputs).tolist() == [*inputs[4:].tolist(), [0, 0]]
