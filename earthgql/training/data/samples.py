"""Labelled pictures: what a data set gives, whatever its files look like."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.models.protocol import TILE_SIZE
from earthgql.training.data.picture_files import read_picture

Pixels = npt.NDArray[np.uint8]
Truth = npt.NDArray[np.uint8]
"""uint8 [n, labels], 1 where a label is true."""


class Samples(Protocol):
    """Labelled pictures, read by index."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The vocabulary, in the order of the truth's columns."""

    @property
    def truth(self) -> Truth:
        """uint8 [n, labels]."""

    @property
    def names(self) -> Sequence[str]:
        """A name for each picture, for messages and contact sheets."""

    def read(self, indices: Sequence[int]) -> Pixels:
        """Pictures as uint8 [len(indices), 256, 256, 3], red, green, blue.

        Raises:
            TrainingError: naming the picture that cannot be read.
        """


@dataclass(frozen=True)
class ArraySamples:
    """Pictures that lie in one array, in memory or mapped from disk.

    Attributes:
        cells: uint8 [n, c, c, labels], share of each cell of a picture that shows a label, 0 to
            255; None where that is not known.
        known: uint8 [n, labels], 0 where the truth must not be used; None: all of it may.
    """

    labels: tuple[str, ...]
    truth: Truth
    names: Sequence[str]
    images: Pixels
    cells: Pixels | None = None
    known: Truth | None = None

    def after(self, count: int) -> "ArraySamples":
        """All but the first ``count`` pictures."""
        cells = None if self.cells is None else self.cells[count:]
        known = None if self.known is None else self.known[count:]
        rest = self.truth[count:], self.names[count:], self.images[count:]
        return ArraySamples(self.labels, *rest, cells, known)

    def read(self, indices: Sequence[int]) -> Pixels:
        """See ``Samples.read``."""
        return np.stack([self.images[i] for i in indices])


@dataclass(frozen=True)
class JoinedSamples:
    """Several arrays of pictures, of the same labels, one after the other."""

    parts: Sequence[ArraySamples]

    @property
    def labels(self) -> tuple[str, ...]:
        """The vocabulary."""
        return self.parts[0].labels

    @cached_property
    def truth(self) -> Truth:
        """See ``Samples.truth``."""
        return np.concatenate([part.truth for part in self.parts])

    @cached_property
    def cells(self) -> Pixels:
        """Shares per cell, see ``ArraySamples``."""
        return np.concatenate([part.cells for part in self.parts if part.cells is not None])

    @cached_property
    def known(self) -> Truth:
        """1 where the truth may be used; all of it in parts that do not say."""
        return np.concatenate(
            [np.ones_like(part.truth) if part.known is None else part.known for part in self.parts]
        )

    @property
    def names(self) -> Sequence[str]:
        """The parts' names."""
        return [name for part in self.parts for name in part.names]

    def read(self, indices: Sequence[int]) -> Pixels:
        """See ``Samples.read``."""
        ends = np.cumsum([len(part.truth) for part in self.parts])
        places = np.searchsorted(ends, indices, side="right")
        starts = ends - [len(part.truth) for part in self.parts]
        return np.stack(
            [
                self.parts[place].images[index - starts[place]]
                for index, place in zip(indices, places.tolist(), strict=True)
            ]
        )


@dataclass(frozen=True)
class FileSamples:
    """Pictures that lie in files of their own, decoded whenever they are read."""

    labels: tuple[str, ...]
    truth: Truth
    paths: Sequence[Path]

    @property
    def names(self) -> Sequence[str]:
        """File names without extension."""
        return [path.stem for path in self.paths]

    def read(self, indices: Sequence[int]) -> Pixels:
        """See ``Samples.read``."""
        pixels = np.empty((len(indices), TILE_SIZE, TILE_SIZE, 3), np.uint8)
        for row, index in enumerate(indices):
            pixels[row] = read_picture(self.paths[index])
        return pixels


@dataclass(frozen=True)
class Splits:
    """A data set in parts that share no picture; training needs no test part."""

    train: Samples
    validation: Samples
    test: Samples | None = None

    def __post_init__(self) -> None:
        for name, part in (("train", self.train), ("validation", self.validation)):
            if not len(part.truth):
                raise TrainingError(f"the {name} split is empty: there is nothing to learn from")

    @property
    def labels(self) -> tuple[str, ...]:
        """The vocabulary."""
        return self.train.labels


def split_indices(
    keys: Sequence[str], seed: int, shares: tuple[float, float]
) -> tuple[list[int], list[int], list[int]]:
    """Deal pictures out to train, validation and test so that equal keys stay together.

    Each key (a content hash) is dealt by a hash of itself and the seed, not by its position:
    adding or removing pictures moves no other picture to another split.

    Args:
        keys: one per picture; pictures with the same key are the same picture.
        seed: another seed, another split.
        shares: share of validation and of test, each 0 to 1, together below 1.

    Returns:
        Indices of train, validation and test, ascending.
    """
    validation, test = shares
    if min(shares) < 0 or validation + test >= 1:
        raise TrainingError(f"validation {validation} and test {test} leave nothing to train on")
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for index, key in enumerate(keys):
        digest = hashlib.sha256(f"{seed}\0{key}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") / 2**64
        parts[1 if place < validation else 2 if place < validation + test else 0].append(index)
    return parts


def content_keys(paths: Sequence[Path]) -> list[str]:
    """SHA-256 of each file.

    Raises:
        TrainingError: naming a missing or unreadable file.
    """
    keys = []
    for path in paths:
        try:
            with path.open("rb") as file:
                keys.append(hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise TrainingError(f"{path} cannot be read: {error.strerror}") from None
    return keys
