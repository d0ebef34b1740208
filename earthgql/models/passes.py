"""Divides a batch into forward passes of the sizes that an engine was compiled for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

_MAX_PADDING = 0.25
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Pass:
    """Tiles of a batch that are run together.

    Attributes:
        first: index of the first of them in the batch.
        tiles: number of tiles.
        size: number of inputs that the engine runs; those beyond the tiles are padding.
    """

    first: int
    tiles: int
    size: int

    def padded_slice(self, inputs: npt.NDArray[Value]) -> npt.NDArray[Value]:
        """Return the inputs of the pass: part of ``[n, ...]``, zero-padded to ``[size, ...]``."""
        part = inputs[self.first : self.first + self.tiles]
        if self.tiles == self.size:
            return part
        padding = np.zeros((self.size - self.tiles, *inputs.shape[1:]), inputs.dtype)
        return np.concatenate([part, padding])


def divide_into_passes(count: int, sizes: tuple[int, ...]) -> Iterator[Pass]:
    """Divide tiles into forward passes.

    Args:
        count: number of tiles.
        sizes: sizes of passes that the engine can run, rising, from 1.
    """
    first = 0
    while first < count:
        size = padded_size(count - first, sizes)
        done = min(size, count - first)
        yield Pass(first, done, size)
        first += done


def padded_size(count: int, sizes: tuple[int, ...]) -> int:
    """Choose the size of the next pass.

    Args:
        count: number of remaining tiles, at least 1.
        sizes: as in ``divide_into_passes``.

    Returns:
        The smallest size that holds all, if at most a fourth of it is padding, else the largest
        size without padding.
    """
    if count >= sizes[-1]:
        return sizes[-1]
    above = next(size for size in sizes if size >= count)
    if above - count <= above * _MAX_PADDING:
        return above
    return max(size for size in sizes if size <= count)


def sizes_up_to(most: int) -> tuple[int, ...]:
    """Return the powers of two below ``most``, and ``most``."""
    powers = [2**exponent for exponent in range(most.bit_length()) if 2**exponent < most]
    return (*powers, most)
