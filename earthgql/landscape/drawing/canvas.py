"""The ground being painted: colours, label codes and the noise that all features share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from earthgql.landscape.drawing.palette import Palette
from earthgql.landscape.drawing.shapes import Points
from earthgql.landscape.labels import CODES, PRIMARY, UNLABELLED
from earthgql.landscape.noise import F32, U8, Rng, f32

_BAND: Final = 256


@dataclass(frozen=True)
class Ground:
    """A piece of ground; windows of it share memory with the whole.

    Attributes:
        rgb: float32 [h, w, 3], 8-bit scale before the sensor.
        cover: uint8 [h, w], the label code of every pixel.
        grain: float32 [h, w], noise of crown size: how high the canopy stands.
        fine: float32 [h, w], noise of one to some pixels, as of bare and grassy ground.
        mottle: float32 [h, w], noise of stand size (some ten pixels).
        broad: float32 [h, w], noise of landscape size (some hundred pixels).
        scale: pixels per 4 m.
        palette: colours of this landscape.
        sun: unit vector (dy, dx) from a lit object to its shadow.
    """

    rgb: F32
    cover: U8
    grain: F32
    fine: F32
    mottle: F32
    broad: F32
    scale: float
    palette: Palette
    sun: tuple[float, float]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rgb.shape[0], self.rgb.shape[1]

    def window(self, top: int, left: int, height: int, width: int) -> Ground:
        """A view of a part, cut at the border; painting it paints the whole."""
        rows = slice(max(top, 0), max(top + height, 0))
        cols = slice(max(left, 0), max(left + width, 0))
        return replace(
            self,
            rgb=self.rgb[rows, cols],
            cover=self.cover[rows, cols],
            grain=self.grain[rows, cols],
            fine=self.fine[rows, cols],
            mottle=self.mottle[rows, cols],
            broad=self.broad[rows, cols],
        )

    def around(self, x: float, y: float, radius: float) -> Ground:
        """The square window of the given radius around a point."""
        side = int(2 * radius)
        return self.window(int(y - radius), int(x - radius), side, side)

    def local(self, x: float, y: float, radius: float) -> tuple[Ground, float, float]:
        """The window around a point together with the point's place (x, y) in it."""
        part = self.around(x, y, radius)
        return part, x - max(int(x - radius), 0), y - max(int(y - radius), 0)

    def along(self, points: Points, margin: float) -> tuple[Ground, Points]:
        """The window around a line together with the line's points in it."""
        low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
        corner = np.maximum(low.astype(int), 0)
        span = np.maximum(high.astype(int) - corner, 1)
        part = self.window(int(corner[1]), int(corner[0]), int(span[1]), int(span[0]))
        return part, points - corner

    def ragged(self) -> F32:
        """Noise of all sizes up to stands, for edges; float32 [h, w], deviation about 1."""
        return f32(np.float32(0.7) * self.mottle + 0.4 * self.grain + np.float32(0.3) * self.fine)

    def forest(self) -> F32:
        """1 where the pixel is still primary forest, else 0."""
        return f32(self.cover == PRIMARY)

    def paint(self, alpha: F32, colour: F32, label: str | None, *, least: float = 0.5) -> None:
        """Blends a colour in and sets the label where the mask is strong.

        Args:
            alpha: float32 [h, w] in 0..1.
            colour: float32 [3] or [h, w, 3].
            label: ground label of the painted pixels; None for unlabelled ground, "" to keep
                what is there.
            least: the mask's value from which a pixel takes the label.
        """
        left, top, width, height = cv2.boundingRect((alpha > 0.004).astype(np.uint8))
        if width == 0:
            return
        box = (slice(top, top + height), slice(left, left + width))
        part, target = alpha[box], self.rgb[box]
        source = colour if colour.ndim == 1 else colour[box]
        target += part[..., None] * (source - target)
        if label != "":
            code = UNLABELLED if label is None else CODES[label]
            self.cover[box][part >= least] = code

    def coat(
        self,
        alpha: F32,
        base: F32,
        label: str | None,
        *,
        grain: float,
        mottle: float,
        broad: float = 0.0,
        least: float = 0.5,
    ) -> None:
        """Paints a textured surface; like paint(alpha, tinted(base)), only where it shows."""
        left, top, width, height = cv2.boundingRect((alpha > 0.004).astype(np.uint8))
        if width == 0:
            return
        # In bands, which stay in the processor's cache where a scene would not.
        for first in range(top, top + height, _BAND):
            rows = min(_BAND, top + height - first)
            part = self.window(first, left, rows, width)
            mask = alpha[first : first + rows, left : left + width]
            tone = base if base.ndim == 1 else base[first : first + rows, left : left + width]
            surface = part.tinted(tone, grain=grain, mottle=mottle, broad=broad)
            part.paint(mask, surface, label, least=least)

    def tinted(self, base: F32, *, grain: float, mottle: float, broad: float = 0.0) -> F32:
        """A textured surface: the base colour modulated by the shared noise.

        Args:
            base: float32 [3] or [h, w, 3].
            grain: relative strength of the fine noise.
            mottle: relative strength of the stand-size noise.
            broad: relative strength of the landscape-size noise.

        Returns:
            float32 [h, w, 3].
        """
        light = 1 + np.float32(grain) * self.fine + np.float32(mottle) * self.mottle
        if broad:
            light += np.float32(broad) * self.broad
        return f32(base * light[..., None])


def find_place(
    ground: Ground, rng: Rng, radius: float, *, inset: float = 0.0, tries: int = 8
) -> tuple[float, float]:
    """Picks the most forested of some random points.

    Args:
        ground: where to look.
        rng: source of randomness.
        radius: half the side of the square whose forest counts, in pixels.
        inset: least distance of the point from the border, in pixels.
        tries: how many points are compared.

    Returns:
        (x, y) in pixels.
    """
    height, width = ground.shape
    best, best_share = (width / 2, height / 2), -1.0
    for _ in range(tries):
        x, y = rng.uniform(inset, width - inset), rng.uniform(inset, height - inset)
        part = ground.around(x, y, radius).cover[::3, ::3]
        share = float(np.mean(part == PRIMARY)) if part.size else 0.0
        if share > best_share:
            best, best_share = (x, y), share
        if share > 0.97:
            break
    return best
