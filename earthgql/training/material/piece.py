"""Pieces of real ground, cut at any place, angle and scale and brought to the look of chips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from earthgql.landscape.labels import LABELS
from earthgql.training.ground import GroundScene, bit
from earthgql.training.ground.vocabulary import CLOUD, SAND, Bits

F32 = npt.NDArray[np.float32]
Rng = np.random.Generator

SIDE: Final = 256
FOREST: Final = np.array([43, 57, 49], np.float32)
"""Median colour of clear canopy on real chips."""
_CANOPY: Final = 1.75
"""Deviation of canopy at 2 to 4 pixels that the camera's blur turns into that of real chips."""
_FOCUSED: Final = tuple(label for label in LABELS[5:])
_TRIES: Final = 6


@dataclass(frozen=True)
class Field:
    """A real picture to cut pieces from.

    Attributes:
        ground: its pixels and labels.
        zoom: pixels of a chip per pixel of the picture; 1 at Planet's own scale.
        forest: float32 [3], median colour of its canopy.
        gain: factor that brings the contrast of its canopy to that of chips.
        unknown: labels that nobody has looked for in it, unless an area names them.
    """

    ground: GroundScene
    zoom: float
    forest: F32
    gain: float
    unknown: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        ground: GroundScene,
        zoom: float = 1.0,
        unknown: frozenset[str] = frozenset(),
        forest: tuple[float, float, float] | None = None,
    ) -> Field:
        """Measure a picture's canopy; ``forest`` is its colour where the picture has none."""
        pixels = ground.image.astype(np.float32)
        canopy = (ground.sure == bit("primary")) & ~ground.unsure()
        inner = cv2.erode(canopy.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        if inner.sum() < SIDE:
            level = np.array(forest or FOREST, np.float32)
            return cls(ground, zoom, level, 0.85, unknown)
        band = cv2.GaussianBlur(pixels, (0, 0), 2) - cv2.GaussianBlur(pixels, (0, 0), 4)
        deviation = float(band[inner].std())
        gain = float(np.clip(_CANOPY / deviation, 0.45, 1.1)) if zoom == 1 else 0.85
        return cls(ground, zoom, np.median(pixels[inner], axis=0), gain, unknown)


@dataclass(frozen=True)
class Piece:
    """A piece of ground under a clear sky, or under the weather it was taken in.

    Attributes:
        rgb: float32 [256, 256, 3], in the contrast of chips before the camera.
        sure: uint32 [256, 256], bits of ``COVERS``.
        maybe: likewise, of what may be there.
        weather: what the picture's own weather may be.
        unknown: labels that nobody has looked for.
    """

    rgb: F32
    sure: Bits
    maybe: Bits
    weather: frozenset[str]
    unknown: frozenset[str] = frozenset()

    def share(self, cover: str) -> float:
        """How much of the piece shows a cover, 0 to 1."""
        return float(np.mean((self.sure & bit(cover)) > 0))


def cut(field: Field, rng: Rng, *, focus: float = 0.5) -> Piece:
    """Cut a piece at a random place, angle and scale of 3 to 5 m a pixel.

    Args:
        field: where from.
        rng: source of chance.
        focus: how often a place is taken that shows some label rarer than forest.
    """
    zoom = field.zoom * float(np.exp(rng.uniform(-0.22, 0.22)))
    side = SIDE / zoom
    height, width = field.ground.sure.shape
    margin = min(0.5 * side, 0.5 * height - 1, 0.5 * width - 1)
    x, y = rng.uniform(margin, width - margin), rng.uniform(margin, height - margin)
    if rng.random() < focus:
        x, y = _place_of_interest(field, rng, margin) or (x, y)
    turns = float(rng.uniform(-180, 180)) if _fits(x, y, side, height, width) else 0.0
    matrix = cv2.getRotationMatrix2D((x, y), turns, zoom)
    matrix[:, 2] += SIDE / 2 - np.array([x, y])
    if rng.random() < 0.5:
        matrix[0] = [-matrix[0, 0], -matrix[0, 1], SIDE - 1 - matrix[0, 2]]
    ground = field.ground
    method = cv2.INTER_CUBIC if zoom > 1.5 else cv2.INTER_LINEAR
    rgb = _warped(ground.image, matrix, method)
    sure, maybe = (
        _warped(bits, matrix, cv2.INTER_NEAREST).astype(np.uint32)
        for bits in (ground.sure, ground.maybe)
    )
    if ground.weather == {"clear"}:
        rgb = _as_chip(rgb, field, rng)
    return Piece(rgb, sure, maybe, ground.weather, field.unknown)


def _fits(x: float, y: float, side: float, height: int, width: int) -> bool:
    reach = 0.75 * side
    return reach <= x <= width - reach and reach <= y <= height - reach


def _warped(picture: npt.NDArray[np.generic], matrix: npt.NDArray[np.float64], how: int) -> F32:
    """Warp, of the picture, only the window that the result shows."""
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0, 1], [SIDE, 0, 1], [0, SIDE, 1], [SIDE, SIDE, 1]]) @ inverse.T
    height, width = picture.shape[:2]
    left, top = np.clip(np.floor(corners.min(0)).astype(int) - 4, 0, [width - 2, height - 2])
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + 4, 2, [width, height])
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ np.array([left, top])
    # As float32, since OpenCV warps no uint32; it holds bits of up to 24 covers exactly.
    part = picture[top:bottom, left:right].astype(np.float32)
    warped: F32 = np.asarray(
        cv2.warpAffine(part, moved, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REFLECT_101),
        np.float32,
    )
    return warped


def _place_of_interest(field: Field, rng: Rng, margin: float) -> tuple[float, float] | None:
    """Near a pixel of some label that is drawn first, so that small ones come as often."""
    places = _places(field)
    if not places:
        return None
    spots = places[int(rng.integers(len(places)))]
    y, x = spots[int(rng.integers(len(spots)))]
    height, width = field.ground.sure.shape
    x, y = np.array([x, y]) + rng.uniform(-0.4, 0.4, 2) * SIDE / field.zoom
    return (
        float(np.clip(x, margin, width - margin)),
        float(np.clip(y, margin, height - margin)),
    )


_KEPT: dict[int, list[npt.NDArray[np.int64]]] = {}


def _places(field: Field) -> list[npt.NDArray[np.int64]]:
    """Some pixels of each label but primary that the picture has, found once."""
    key = id(field.ground)
    if key not in _KEPT:
        found = []
        for cover in (*_FOCUSED, CLOUD, SAND):
            rows, cols = np.nonzero((field.ground.sure[::4, ::4] & bit(cover)) > 0)
            if len(rows) > 2:
                found.append(4 * np.stack([rows, cols], axis=1)[:: max(len(rows) // 5000, 1)])
        _KEPT[key] = found
    return _KEPT[key]


def _as_chip(rgb: F32, field: Field, rng: Rng) -> F32:
    """Bring dark ground to the level and contrast of chips; bright ground keeps its own."""
    gain = field.gain * float(np.exp(rng.normal(0, 0.15)))
    away = rgb - field.forest
    light = rgb.mean(axis=2, keepdims=True) - field.forest.mean()
    bright = np.clip((light - 25) / 60, 0, 1)
    share = gain + (1 - gain) * bright
    return np.asarray(np.maximum(FOREST + away * share, 0), np.float32)


def grained(piece: Piece, canopy: Piece) -> Piece:
    """Give an enlarged picture the fine grain of real canopy, which enlarging leaves out."""
    fine = canopy.rgb - cv2.GaussianBlur(canopy.rgb, (0, 0), 4)
    share = np.where((piece.sure & bit("primary")) > 0, 0.8, 0.3)[..., None]
    rgb = np.maximum(piece.rgb + share * np.clip(fine, -12, 12), 0)
    return replace(piece, rgb=rgb.astype(np.float32))
