"""Training pictures on real ground, made once in parallel and kept as arrays on disk."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.landscape.labels import LABELS
from earthgql.models.preprocess import resize
from earthgql.training.data.samples import ArraySamples
from earthgql.training.ground import bit
from earthgql.training.material import mixture
from earthgql.training.material.pool import Pool, read_pool

BLOCK: Final = 64
CELLS: Final = 16
KINDS: Final = ("scenes", "built", "generated", "strips", "sentinel")
_FIRST_SEED: Final = {"train": 0, "validation": 1 << 40, "test": 2 << 40}

U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Recipe:
    """What share of the pictures comes from where, and how rare labels and weather are.

    Attributes:
        scenes: crops of whole Planet scenes.
        built: generated objects on real canopy.
        generated: wholly generated chips.
        strips: crops of Planet's strips.
        sentinel: crops of Sentinel-2 pictures.
        balanced: rare labels and weather drawn more often than in nature.
    """

    scenes: float = 0.36
    built: float = 0.34
    generated: float = 0.12
    strips: float = 0.06
    sentinel: float = 0.12
    balanced: bool = True


TRAINING: Final = Recipe()
NATURAL: Final = Recipe(
    scenes=0.25, built=0.5, generated=0.1, strips=0.03, sentinel=0.12, balanced=False
)
"""Labels and weather as frequent as among Planet's chips: for thresholds and calibration."""


@dataclass(frozen=True)
class Order:
    """Which pictures are wanted.

    Attributes:
        planet: folder of the Planet scenes and strips.
        sentinel: folder of the Sentinel-2 pictures; None: without.
        split: ``train``, ``validation`` or ``test``; their seeds never meet.
        count: number of pictures; made in whole blocks.
        recipe: what they show.
        size: side they are resampled to, in pixels.
    """

    planet: Path
    sentinel: Path | None
    split: str
    count: int
    recipe: Recipe = TRAINING
    size: int = 128


@dataclass(frozen=True)
class Material:
    """Pictures in memory.

    Attributes:
        images: uint8 [n, size, size, 3].
        truth: uint8 [n, labels].
        known: uint8 [n, labels], 0 where the truth must not be used.
        cells: uint8 [n, 16, 16, labels], share of each cell that shows a label, 0 to 255.
        source: str [n], the kind, and for pictures on a scene its name after a slash.
    """

    images: U8
    truth: U8
    known: U8
    cells: U8
    source: npt.NDArray[np.str_]

    def samples(self, without: str | None = None) -> ArraySamples:
        """The pictures to learn from; ``without`` leaves out all that show a scene."""
        kept = np.array([without is None or without not in name for name in self.source])
        names = tuple(f"{name}-{i}" for i, name in enumerate(self.source) if kept[i])
        rest = (self.images[kept], self.cells[kept], self.known[kept])
        return ArraySamples(tuple(LABELS), self.truth[kept], names, *rest)


def make(pool: Pool, recipe: Recipe, rng: np.random.Generator) -> tuple[mixture.Picture, str]:
    """Make one picture; also tells its source."""
    kinds = [kind for kind in KINDS if getattr(pool, kind, True)]  # not every pool has strips
    odds = np.array([getattr(recipe, kind) for kind in kinds])
    kind = kinds[int(rng.choice(len(kinds), p=odds / odds.sum()))]
    weather = None if recipe.balanced else mixture.natural_weather(rng)
    scene = pool.scenes[int(rng.integers(len(pool.scenes)))]
    name = scene.ground.name
    if kind == "scenes":
        focus = 0.55 if recipe.balanced else 0.3
        made = mixture.plain(scene, rng, weather=weather, focus=focus, clouds=pool.strips)
        return made, f"scenes/{name}"
    if kind == "built":
        made = mixture.built([scene], rng, balanced=recipe.balanced, clouds=pool.strips)
        return made, f"built/{name}"
    if kind == "generated":
        return mixture.generated(rng, balanced=recipe.balanced), kind
    fields = pool.strips if kind == "strips" else pool.sentinel
    return mixture.enlarged(fields, [scene], rng, weather=weather), f"{kind}/{name}"


def missing(orders: Mapping[Path, Order]) -> list[tuple[Order, Path, int]]:
    """Blocks that ``render`` has to make: order, folder, number of the first picture."""
    return [
        (order, folder, start)
        for folder, order in orders.items()
        for start in range(0, order.count, BLOCK)
        if not _block(folder, start).exists()
    ]


def render(orders: Mapping[Path, Order], on_progress: Callable[[int], None] | None = None) -> None:
    """Make the pictures of orders into a folder each; goes on where it was stopped.

    All orders have the same workers, since each worker reads all real pictures first.

    Raises:
        TrainingError: if a real picture is missing or damaged.
    """
    blocks = missing(orders)
    if not blocks:
        return
    for folder in orders:
        folder.mkdir(parents=True, exist_ok=True)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(os.cpu_count() or 1, len(blocks)), mp_context=spawn) as workers:
        for done in as_completed([workers.submit(_render_block, *block) for block in blocks]):
            done.result()
            if on_progress:
                on_progress(BLOCK)


def _block(folder: Path, start: int) -> Path:
    return folder / f"{start:07}.npz"


def load(folder: Path, count: int | None = None) -> Material:
    """Read the first pictures that are there, in order; None: all of them.

    Raises:
        TrainingError: if there are none.
    """
    files = sorted(path for path in folder.glob("*.npz") if path.stem.isdigit())
    files = files if count is None else files[: -(-count // BLOCK)]
    if not files:
        raise TrainingError(f"{folder} holds no pictures")
    parts = [np.load(file) for file in files]
    names = ("images", "truth", "known", "cells", "source")
    return Material(*(np.concatenate([part[name] for part in parts])[:count] for name in names))


@cache
def _pool(planet: Path, sentinel: Path | None) -> Pool:
    return read_pool(planet, sentinel)


def _render_block(order: Order, folder: Path, start: int) -> None:
    import cv2

    cv2.setNumThreads(1)
    pool = _pool(order.planet, order.sentinel)
    made = []
    for number in range(start, start + BLOCK):
        rng = np.random.default_rng([_FIRST_SEED[order.split] + number, 11])
        made.append(make(pool, order.recipe, rng))
    pictures = [picture for picture, _ in made]
    temporary = folder / f"{start:07}.tmp.npz"
    np.savez(
        temporary,
        images=resize(np.stack([p.image for p in pictures]), order.size),
        truth=np.stack([p.truth for p in pictures]),
        known=np.stack([p.known for p in pictures]),
        cells=np.stack([cell_shares(p.cover) for p in pictures]),
        source=np.array([source for _, source in made]),
    )
    temporary.rename(_block(folder, start))


def cell_shares(cover: npt.NDArray[np.uint32]) -> U8:
    """How much of each cell shows each label: uint8 [16, 16, labels], 0 to 255."""
    side = len(cover) // CELLS
    blocks = cover.reshape(CELLS, side, CELLS, side)
    shares = [((blocks & bit(label)) > 0).mean(axis=(1, 3)) for label in LABELS]
    return np.asarray(np.ceil(255 * np.stack(shares, axis=2)), np.uint8)
