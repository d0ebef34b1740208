"""Scenes with their areas, and the labels of their crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from earthgql.errors import BadInputError, TrainingError
from earthgql.landscape.labels import CODES, GROUND, UNLABELLED
from earthgql.training.ground.areas import SceneAreas, draw, read_areas
from earthgql.training.ground.rules import Reading, read_counts
from earthgql.training.ground.vocabulary import CLOUD, COVERS, Bits, bit

AREAS: Final = Path(__file__).parent / "areas"
"""The areas drawn on Planet's three public scenes; one file each."""

CROP: Final = 256


@dataclass(frozen=True)
class GroundScene:
    """A scene and what is known of its ground.

    Attributes:
        name: file name of the scene, without its ending.
        image: uint8 [h, w, 3], red, green, blue.
        sure: uint32 [h, w], bits of ``COVERS`` that are there for certain.
        maybe: uint32 [h, w], bits that may be there.
        weather: the weather away from clouds; several if the picture does not tell which.
    """

    name: str
    image: npt.NDArray[np.uint8]
    sure: Bits
    maybe: Bits
    weather: frozenset[str]

    def mask(self, cover: str) -> npt.NDArray[np.bool_]:
        """Where one of ``COVERS`` lies for certain, bool [h, w]."""
        return (self.sure & bit(cover)) > 0

    def unsure(self) -> npt.NDArray[np.bool_]:
        """Where some label may lie that is not certain, bool [h, w]."""
        return (self.maybe & ~self.sure) > 0

    def cover(self) -> npt.NDArray[np.uint8]:
        """One code of ``earthgql.landscape.labels`` a pixel.

        Returns:
            uint8 [h, w]; of several labels the rarer (the later in ``LABELS``); 0 where no label
            lies, as on sand, grass and cloud.
        """
        codes = np.full(self.sure.shape, UNLABELLED, np.uint8)
        for label in GROUND:
            codes[self.mask(label)] = CODES[label]
        codes[self.mask(CLOUD)] = UNLABELLED
        return codes

    def labels_of(self, x: int, y: int, size: int = CROP) -> Reading:
        """Labels of a square crop; ground under clouds does not count.

        Args:
            x: left edge in pixels.
            y: upper edge in pixels.
            size: pixels a side; counts are scaled as if the crop had been resampled to 256.

        Raises:
            BadInputError: if the crop is not inside the scene.
        """
        height, width = self.sure.shape
        if size < 1 or not (0 <= x <= width - size and 0 <= y <= height - size):
            raise BadInputError(f"{self.name}: no crop of {size} pixels at x {x}, y {y}")
        window = np.s_[y : y + size, x : x + size]
        sure, possible = self.sure[window], self.sure[window] | self.maybe[window]
        return read_counts(_counts(sure), _counts(possible), self.weather)


def _counts(bits: Bits) -> dict[str, float]:
    """Pixels of each cover, as if there were 256 x 256; of the ground, those not under clouds."""
    factor = CROP * CROP / bits.size
    clear = bits[(bits & bit(CLOUD)) == 0]
    counts = {cover: int(np.count_nonzero(clear & bit(cover))) * factor for cover in COVERS}
    counts[CLOUD] = (bits.size - clear.size) * factor
    return counts


def read_scene(folder: Path, areas: Path) -> GroundScene:
    """Read one scene.

    Args:
        folder: where the scene's picture is.
        areas: its file of areas.

    Raises:
        TrainingError: naming the file that is missing, damaged, or of another size.
    """
    drawn = read_areas(areas)
    image = _read_image(folder / drawn.image, drawn)
    sure, maybe = draw(drawn)
    weather = frozenset(drawn.weather_maybe or [drawn.weather])
    return GroundScene(Path(drawn.image).stem, image, sure, maybe, weather)


def read_scenes(folder: Path, areas: Path = AREAS) -> Sequence[GroundScene]:
    """Read all scenes that have areas.

    Args:
        folder: where the pictures are.
        areas: the folder of the files of areas.

    Raises:
        TrainingError: see ``read_scene``; also if there are no files of areas.
    """
    files = sorted(areas.glob("*.json"))
    if not files:
        raise TrainingError(f"{areas}: no files of areas (*.json)")
    return [read_scene(folder, file) for file in files]


def _read_image(path: Path, drawn: SceneAreas) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except OSError as error:
        raise TrainingError(f"{path}: the scene cannot be read: {error}") from None
    if pixels.shape[:2] != (drawn.height, drawn.width):
        raise TrainingError(
            f"{path}: {pixels.shape[1]} x {pixels.shape[0]} pixels, but its areas were drawn on "
            f"{drawn.width} x {drawn.height}"
        )
    return pixels
