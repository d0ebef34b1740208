"""Pictures of the generated landscape, rendered once in parallel and kept as one array on disk."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earthgql.errors import TrainingError
from earthgql.landscape import generator_version
from earthgql.models.protocol import TILE_SIZE
from earthgql.training.data.samples import ArraySamples

CHIPS_PER_BLOCK = 64
SCENE_SIDE = 8
TILES_PER_SCENE = SCENE_SIDE**2
"""Scenes to learn from are just large enough to hold each of their features at least once."""
CELLS = 16
"""Cells along a side of a chip for which the share of each ground label is kept."""
FIRST_SEED = {"train": 0, "validation": 1 << 40, "test": 2 << 40}
"""First generator seed of each split: the ranges can never meet (a split holds < 2**39 chips)."""
FIRST_SCENE = 1 << 39
"""What a split's first scene is behind its first chip; the demo's scene is far from all of them."""

Progress = Callable[[int], None]
Picture = tuple[npt.NDArray[np.uint8], frozenset[str], npt.NDArray[np.uint8]]
"""Pixels, labels and cover, as of ``landscape.Chip``."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which pictures are wanted.

    Attributes:
        split: ``train``, ``validation`` or ``test``.
        count: number of pictures, those of the first seeds of the split.
        balanced: rare labels drawn more often than in nature (chips only).
        scenes: not single chips but all tiles of whole scenes; ``count`` is a multiple of
            ``TILES_PER_SCENE``.
    """

    split: str
    count: int
    balanced: bool = True
    scenes: bool = False

    def __post_init__(self) -> None:
        if self.scenes and self.count % TILES_PER_SCENE:
            raise TrainingError(f"{self.count} tiles are no whole scenes of {TILES_PER_SCENE}")

    @property
    def seeds(self) -> range:
        """Generator seeds of the chips, or of the scenes, in order."""
        first = FIRST_SEED[self.split]
        if self.scenes:
            first += FIRST_SCENE
            return range(first, first + self.count // TILES_PER_SCENE)
        return range(first, first + self.count)


def is_rendered(folder: Path, order: Order) -> bool:
    """Whether ``render`` only has to open the chips."""
    return _found(folder, order) is not None


def render(
    folder: Path, order: Order, workers: int | None = None, on_progress: Progress | None = None
) -> ArraySamples:
    """Render the chips of an order into ``folder``, going on where an earlier call was killed.

    Raises:
        TrainingError: if the disk is full or a chip cannot be rendered.
    """
    from earthgql.landscape import LABELS

    kept = _found(folder, order)
    if kept is None:
        kept = _kept(folder, order)
        try:
            _render(kept.with_suffix(".part"), order, len(LABELS), workers, on_progress)
            kept.with_suffix(".part").rename(kept)
        except OSError as error:
            raise TrainingError(
                f"cannot keep rendered chips in {folder}: {error.strerror}; free some space (a chip"
                " needs 200 kB) and run the same command: it goes on where it stopped"
            ) from None
    images = np.load(kept / "images.npy", mmap_mode="r")[: order.count]
    truth, cells = (np.load(kept / f"{name}.npy")[: order.count] for name in ("truth", "cells"))
    kind = "scene" if order.scenes else "chip"
    names = tuple(f"{order.split}-{kind}-{number}" for number in range(order.count))
    return ArraySamples(tuple(LABELS), truth, names, images, cells)


def cell_shares(cover: npt.NDArray[np.uint8], labels: int) -> npt.NDArray[np.uint8]:
    """How much of each cell of a chip carries each ground label.

    Args:
        cover: uint8 [size, size], see ``landscape.Chip``.
        labels: number of labels.

    Returns:
        uint8 [CELLS, CELLS, labels], 0 to 255 for none to all of the cell.
    """
    side = len(cover) // CELLS
    cells = cover.reshape(CELLS, side, CELLS, side).swapaxes(1, 2).reshape(CELLS * CELLS, -1)
    codes = cells + np.arange(CELLS * CELLS)[:, None] * labels
    counts = np.bincount(codes.ravel(), minlength=CELLS * CELLS * labels)
    shares: npt.NDArray[np.uint8] = np.ceil(
        counts.reshape(CELLS, CELLS, labels) * (255 / side**2)
    ).astype(np.uint8)
    shares[..., 0] = 0  # no ground label
    return shares


def _found(folder: Path, order: Order) -> Path | None:
    """The fewest chips rendered earlier that begin with the wanted ones."""
    there = folder.glob(f"{_kind(order)}-*-{TILE_SIZE}")
    enough = [path for path in there if _count(path) >= order.count]
    return min(enough, key=_count, default=None)


def _kept(folder: Path, order: Order) -> Path:
    return folder / f"{_kind(order)}-{order.count}-{TILE_SIZE}"


def _kind(order: Order) -> str:
    kind = "scenes" if order.scenes else "balanced" if order.balanced else "natural"
    return f"{generator_version()}-{order.split}-{kind}"


def _count(kept: Path) -> int:
    return int(kept.name.split("-")[-2])


def _render(
    part: Path, order: Order, labels: int, workers: int | None, on_progress: Progress | None
) -> None:
    part.mkdir(parents=True, exist_ok=True)
    shape = (order.count, TILE_SIZE, TILE_SIZE, 3)
    _blank(part / "images.npy", shape)
    _blank(part / "truth.npy", (order.count, labels))
    _blank(part / "cells.npy", (order.count, CELLS, CELLS, labels))
    block = TILES_PER_SCENE if order.scenes else CHIPS_PER_BLOCK
    starts = range(0, order.count, block)
    todo = [start for start in starts if not (part / f"{start}.done").exists()]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers or os.cpu_count(), mp_context=spawn) as pool:
        try:
            render_block = partial(_render_block, part, order, block)
            for done in as_completed([pool.submit(render_block, start) for start in todo]):
                count = done.result()
                if on_progress:
                    on_progress(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for marker in part.glob("*.done"):
        marker.unlink()


def _blank(path: Path, shape: tuple[int, ...]) -> None:
    """Make an array file of zeros; one that an earlier call left is kept if it fits."""
    if path.exists() and np.load(path, mmap_mode="r").shape == shape:
        return
    temporary = path.with_suffix(".new")
    made = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
    with temporary.open("r+b") as file:  # a sparse file would fail late, and with a signal
        os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
    made.flush()
    temporary.rename(path)


def _render_block(part: Path, order: Order, count: int, start: int) -> int:
    import cv2

    from earthgql.landscape import LABELS

    cv2.setNumThreads(1)
    images = np.load(part / "images.npy", mmap_mode="r+")
    truth = np.load(part / "truth.npy", mmap_mode="r+")
    cells = np.load(part / "cells.npy", mmap_mode="r+")
    pictures = _scene_tiles if order.scenes else _chips
    row = start
    for image, labels, cover in pictures(order, start, count):
        images[row] = image
        truth[row] = [label in labels for label in LABELS]
        cells[row] = cell_shares(cover, len(LABELS))
        row += 1
    for array in (images, truth, cells):
        array.flush()
    (part / f"{start}.done").touch()
    return row - start


def _chips(order: Order, start: int, count: int) -> Iterator[Picture]:
    from earthgql.landscape import make_chip

    for seed in order.seeds[start : start + count]:
        chip = make_chip(seed, balanced=order.balanced)
        yield chip.image, chip.labels, chip.cover


def _scene_tiles(order: Order, start: int, count: int) -> Iterator[Picture]:
    """Tiles of one scene; every other scene is one of a later date."""
    from earthgql.landscape import render_scene

    number = start // count
    size = SCENE_SIDE * TILE_SIZE
    scene = render_scene(order.seeds[number], size=size, tile=TILE_SIZE, date=number % 2)
    for (row, column), labels in sorted(scene.truth.items()):
        rows = slice(row * TILE_SIZE, (row + 1) * TILE_SIZE)
        columns = slice(column * TILE_SIZE, (column + 1) * TILE_SIZE)
        yield scene.image[rows, columns], labels, scene.cover[rows, columns]
