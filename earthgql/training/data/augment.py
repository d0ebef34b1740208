"""Cheap changes to training pictures that do not change what is in them."""

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Rng = np.random.Generator


def augment(
    pixels: Pixels,
    rng: Rng,
    jitter: float,
    cells: Pixels | None = None,
    warp: float = 0.0,
) -> tuple[Pixels, Pixels | None]:
    """Turn, mirror and recolour pictures, each in its own way.

    A satellite picture has no up, so all 8 turns and reflections are as good as the original.
    Colours change as sensors, seasons and gradings do, so that no exact shade is learnt.

    Args:
        pixels: uint8 [n, size, size, 3].
        rng: source of chance.
        jitter: strength of the changes of colour and sharpness; 0 leaves both alone.
        cells: uint8 [n, c, c, labels], what lies where; turned like the pictures.
        warp: strength of turns by any angle and changes of scale, for small data sets; 0: none.
            Pictures with cells are not warped.

    Returns:
        The changed pictures and cells.
    """
    turned = np.empty_like(pixels)
    turned_cells = None if cells is None else np.empty_like(cells)
    for row, picture in enumerate(pixels):
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        turned[row] = _turned(picture, turns, mirrored)
        if cells is not None and turned_cells is not None:
            turned_cells[row] = _turned(cells[row], turns, mirrored)
        elif warp > 0:
            turned[row] = _warped(turned[row], rng, warp)
        if jitter > 0:
            turned[row] = _recoloured(turned[row], rng, jitter)
            turned[row] = _resharpened(turned[row], rng, jitter)
    return turned, turned_cells


def _turned(picture: Pixels, turns: int, mirrored: bool) -> Pixels:
    picture = np.rot90(picture, turns)
    return picture[:, ::-1] if mirrored else picture


def _warped(picture: Pixels, rng: Rng, warp: float) -> Pixels:
    """Turn by any angle, scale and shift; what comes in from outside is mirrored."""
    height, width = picture.shape[:2]
    angle, scale = rng.uniform(-180, 180), np.exp(warp * rng.normal(0, 0.12))
    moved = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
    moved[:, 2] += warp * rng.uniform(-0.06, 0.06, 2) * (width, height)
    return cv2.warpAffine(  # type: ignore[no-any-return]
        picture, moved, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def _recoloured(picture: Pixels, rng: Rng, jitter: float) -> Pixels:
    """Gain, colour cast, gamma, offset and contrast, as one table per channel."""
    ramp = np.arange(256, dtype=np.float32)[:, None] / 255
    gamma = np.exp(jitter * rng.normal(0, 0.12))
    gain = np.exp(jitter * (rng.normal(0, 0.12) + rng.normal(0, 0.05, 3)))
    offset = jitter * (rng.normal(0, 0.012) + rng.normal(0, 0.008, 3))
    table = np.clip(ramp**gamma * gain + offset, 0, 1) * 255
    return cv2.LUT(picture, np.round(table).astype(np.uint8)[None])  # type: ignore[no-any-return]


def _resharpened(picture: Pixels, rng: Rng, jitter: float) -> Pixels:
    """Blur or noise in some of the pictures."""
    kind = rng.random()
    if kind < 0.2 * jitter:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.1))  # type: ignore[no-any-return]
    if kind < 0.35 * jitter:
        noise = rng.normal(0, rng.uniform(1, 3), (*picture.shape[:2], 1)).astype(np.float32)
        noisy: Pixels = np.clip(picture + noise, 0, 255).astype(np.uint8)
        return noisy
    return picture
