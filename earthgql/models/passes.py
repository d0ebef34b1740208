"""Forward passes of few sizes, for engines that are made for each size of a batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

_MOST_PADDING = 0.25
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Pass:
    """Some tiles of a batch that are run together.

    Attributes:
        first: the first of them in the batch.
        tiles: how many.
        size: what the engine is given; what is more than the tiles is padding.
    """

    first: int
    tiles: int
    size: int

    def of(self, inputs: npt.NDArray[Value]) -> npt.NDArray[Value]:
        """Cut the pass out of a batch ``[n, ...]``, padded with zeros to ``[size, ...]``."""
        part = inputs[self.first : self.first + self.tiles]
        if self.tiles == self.size:
            return part
        padding = np.zeros((self.size - self.tiles, *inputs.shape[1:]), inputs.dtype)
        return np.concatenate([part, padding])


def passes(count: int, sizes: tuple[int, ...]) -> Iterator[Pass]:
    """Divide tiles into forward passes.

    Args:
        count: tiles to do.
        sizes: of the passes that the engine can run, rising, from 1.
    """
    first = 0
    while first < count:
        size = padded_size(count - first, sizes)
        done = min(size, count - first)
        yield Pass(first, done, size)
        first += done


def padded_size(count: int, sizes: tuple[int, ...]) -> int:
    """Choose the size of the pass for the next tiles.

    Args:
        count: tiles yet to do, at least 1.
        sizes: as in ``passes``.

    Returns:
        The smallest size that holds all, if little of it is padding, else the largest that is full.
    """
    if count >= sizes[-1]:
        return sizes[-1]
    above = next(size for size in sizes if size >= count)
    if above - count <= above * _MOST_PADDING:
        return above
    return max(size for size in sizes if size <= count)


def sizes_up_to(most: int) -> tuple[int, ...]:
    """Return the powers of two below ``most``, and ``most``."""
    powers = [2**exponent for exponent in range(most.bit_length()) if 2**exponent < most]
    return (*powers, most)
