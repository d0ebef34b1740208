"""The file of areas of one scene."""

from __future__ import annotations

from functools import reduce
from operator import or_
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from earthgql.errors import TrainingError
from earthgql.landscape.labels import WEATHER
from earthgql.training.ground.vocabulary import COVERS, Bits, bit


def _known_cover(name: str) -> str:
    if name not in COVERS:
        raise ValueError(f"{name!r} is none of {', '.join(COVERS)}")
    return name


def _known_weather(name: str) -> str:
    if name not in WEATHER:
        raise ValueError(f"{name!r} is none of {', '.join(WEATHER)}")
    return name


def _whole_points(ring: list[int]) -> list[int]:
    if len(ring) % 2:
        raise ValueError("a ring needs as many y as x")
    return ring


Cover = Annotated[str, AfterValidator(_known_cover)]
Weather = Annotated[str, AfterValidator(_known_weather)]
Ring = Annotated[list[int], Field(min_length=6), AfterValidator(_whole_points)]


class Area(BaseModel):
    """Polygons that show the same.

    Attributes:
        labels: covers that are there for certain.
        maybe: covers that may be there; nobody can tell from the picture.
        rings: closed rings of pixels, x0, y0, x1, y1, ...; a ring inside another is a hole.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: list[Cover]
    maybe: list[Cover]
    rings: list[Ring]


class SceneAreas(BaseModel):
    """All areas of one scene; what no area covers is intact forest.

    Attributes:
        image: file name of the scene.
        width: its width in pixels.
        height: its height in pixels.
        weather: the weather away from clouds.
        weather_maybe: more than one weather, where the picture does not tell which.
        areas: in the order drawn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    weather: Weather
    weather_maybe: list[Weather]
    areas: list[Area]


def read_areas(path: Path) -> SceneAreas:
    """Read one file of areas.

    Raises:
        TrainingError: naming the file, if it is missing or not such a file.
    """
    try:
        return SceneAreas.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TrainingError(f"{path}: no file of areas: {place}: {first['msg']}") from None


def draw(scene: SceneAreas) -> tuple[Bits, Bits]:
    """Draw the areas.

    Returns:
        What is there for certain and what may be there, each uint32 [h, w]. ``primary`` is set
        where nothing else is certain, and under the gaps that loggers left.
    """
    sure = np.zeros((scene.height, scene.width), np.uint32)
    maybe = np.zeros_like(sure)
    for area in scene.areas:
        mask = _mask(area, sure.shape)
        sure[mask] |= _bits(area.labels)
        maybe[mask] |= _bits(area.maybe)
    forest = (sure & ~bit("selective_logging") & ~bit("cloud_shadow")) == 0
    sure[forest] |= bit("primary")
    return sure, maybe


def _mask(area: Area, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(shape, np.uint8)
    rings = [np.array(ring, np.int32).reshape(-1, 2) for ring in area.rings]
    if rings:
        cv2.fillPoly(mask, rings, 1)  # all at once: even-odd, so that holes stay open
    return mask > 0


def _bits(covers: list[str]) -> np.uint32:
    return reduce(or_, map(bit, covers), np.uint32(0))
