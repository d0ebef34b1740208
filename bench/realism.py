"""How real generated chips look: statistics beside real ones, and "generated or real?" asked.

    python -m bench.realism /path/to/planet_scenes --json bench/results/realism.json
    python -m bench.realism /path/to/planet_scenes --checkout ../an-older-checkout

The real material is three whole PlanetScope scenes with labels by eye for cells of 256 pixels. They
are sharper than Planet's chips: forest has about twice the contrast and next to no grain. So every
cell is first blurred, flattened, given grain and compressed until forest has the figures measured
on real chips, always by the same numbers, whatever the generator does.

The question is answered by boosted trees from the statistics of quarters of chips (128 pixels),
half of them real, by cross-validation in which the quarters of a chip stay together. Accuracy 0.5
means that nobody could tell, 1.0 that everybody can. "texture" leaves out mean colours, of which
three scenes have only three.
"""

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Chip = tuple[Image, frozenset[str]]

CELL = 256
WEATHER = {"clear", "partly_cloudy", "cloudy", "haze"}
OCTAVES = ((2, 4), (4, 8), (8, 16), (16, 32), (32, 128))
LABELS = (
    "forest",
    "water",
    "cultivation",
    "slash_burn",
    "selective_logging",
    "road",
    "artisinal_mine",
    "habitation",
)
# Clear forest on 84 real chips, and casts over all of them; see docs/model.md.
REAL_CHIPS = {
    "red/green correlation": 0.87,
    "chroma": 2.9,
    "energy 4-8": 2.4,
    "energy 8-16": 2.9,
    "energy 32-128": 1.4,
    "red": 43.0,
    "green": 57.0,
    "blue": 49.0,
    "block edges": 1.46,
}


@dataclass(frozen=True)
class Real:
    """Cells of the scenes as chips would show them."""

    chips: list[Chip]
    whole: list[Chip]


def energies(grey: npt.NDArray[np.float32]) -> dict[str, float]:
    """Standard deviation within each octave of wavelengths, in pixels."""
    power = np.abs(np.fft.fft2(grey - grey.mean())) ** 2 / grey.size**2
    waves = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in grey.shape), indexing="ij"))
    length = 1 / np.maximum(waves, 1e-9)
    return {
        f"energy {low}-{high}": float(np.sqrt(power[(length >= low) & (length < high)].sum()))
        for low, high in OCTAVES
    }


def block_edges(grey: npt.NDArray[np.float32]) -> float:
    """Steps across the borders of JPEG's blocks of 8 pixels, relative to those within."""
    steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    border = np.arange(len(steps)) % 8 == 7
    return float(steps[border].mean() / max(steps[~border].mean(), 1e-6))


def statistics(image: Image) -> dict[str, float]:
    """What a chip is described by; all on the 8-bit scale."""
    pixels = image.astype(np.float32)
    red, green, blue = (pixels[..., index] for index in range(3))
    grey = pixels.mean(axis=2)
    both = max(float(red.std() * green.std()), 1e-6)
    shared = float(((red - red.mean()) * (green - green.mean())).mean())
    return {
        "red/green correlation": shared / both,
        "chroma": float((red - green).std() + (blue - green).std()) / 2,
        **energies(grey),
        "red": float(red.mean()),
        "green": float(green.mean()),
        "blue": float(blue.mean()),
        "red - green": float((red - green).mean()),
        "blue - red": float((blue - red).mean()),
        "deviation": float(grey.std()),
        "brightness": float(grey.mean()),
        "block edges": block_edges(grey),
    }


def texture(image: Image) -> list[float]:
    """Statistics that do not tell the mean colour, for the trees."""
    pixels = image.astype(np.float32)
    grey = pixels.mean(axis=2)
    known = statistics(image)
    hidden = {"red", "green", "blue", "red - green", "blue - red", "brightness"}
    values = [value for name, value in known.items() if name not in hidden]
    for difference in (pixels[..., 0] - pixels[..., 1], pixels[..., 2] - pixels[..., 1]):
        values.extend(energies(difference).values())
    level = (grey - grey.mean()) / max(float(grey.std()), 1e-6)
    values.extend(np.quantile(level, (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)).tolist())
    values.extend(((level**3).mean(), (level**4).mean()))
    for low, high in ((1.0, 2.0), (2.0, 4.0)):
        band = cv2.GaussianBlur(grey, (0, 0), low) - cv2.GaussianBlur(grey, (0, 0), high)
        band /= max(float(band.std()), 1e-6)
        values.extend(((band**3).mean(), (band**4).mean()))
    across, down = np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1]
    slopes = (across * across).mean(), (down * down).mean(), (across * down).mean()
    total = max(float(slopes[0] + slopes[1]), 1e-6)
    values.extend((float(slopes[0]) / total, float(slopes[2]) / total))
    return [float(value) for value in values]


def colours(image: Image) -> list[float]:
    """Texture and the mean colour."""
    known = statistics(image)
    return [*texture(image), *(known[name] for name in ("red", "green", "blue"))]


def as_chip(rng: np.random.Generator, cell: Image, forest: npt.NDArray[np.float32]) -> Image:
    """A cell of a scene as Planet's chips show the same ground.

    Args:
        rng: source of the grain.
        cell: uint8 [h, w, 3].
        forest: float32 [3], the mean colour of the scene's forest.

    Returns:
        uint8 [h, w, 3].
    """
    # Chips differ; by how much is not known, so these go a quarter to both sides.
    blur, contrast, grain = np.array([0.7, 0.47, 2.9]) * rng.uniform(0.75, 1.25, 3)
    pixels = cv2.GaussianBlur(cell.astype(np.float32), (0, 0), float(blur))
    bright = np.clip((pixels.mean(axis=2, keepdims=True) - 90) / 90, 0, 1)
    dark = np.array([43, 57, 49], np.float32) + np.float32(contrast) * (pixels - forest)
    pixels = dark + bright * (pixels - dark)
    fine = rng.standard_normal(pixels.shape, dtype=np.float32)
    pixels += np.float32(grain) * (0.45 * fine + 0.85 * 3.9 * cv2.GaussianBlur(fine, (0, 0), 1.1))
    image = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 96))]
    packed = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), quality)[1]
    return np.ascontiguousarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1])


def real_cells(folder: Path) -> Real:
    """Every cell of the scenes whose labels are sure; scene B's weather is taken for clear."""
    with (folder / "weak_labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["unsure"] == "0"]
    chips, whole = [], []
    for scene in sorted({row["scene"] for row in rows}):
        picture = cv2.imread(str(folder / f"{scene}.jpg"))[..., ::-1]
        cells: list[Chip] = []
        for row in (row for row in rows if row["scene"] == scene):
            top, left = int(row["row"]) * CELL, int(row["col"]) * CELL
            cell = np.ascontiguousarray(picture[top : top + CELL, left : left + CELL])
            if cell.shape == (CELL, CELL, 3):
                cells.append((cell, frozenset(row["tags"].split()) | {"clear"}))
        plain = [cell.mean(axis=(0, 1)) for cell, tags in cells if tags == {"clear", "primary"}]
        forest = np.median(plain, axis=0).astype(np.float32)
        rng = np.random.default_rng(7)
        whole.extend(cells)
        chips.extend((as_chip(rng, cell, forest), tags) for cell, tags in cells)
    return Real(chips, whole)


def generated(count: int, *, balanced: bool) -> list[Chip]:
    from earthgql.landscape import make_chip

    made = (make_chip(seed, balanced=balanced) for seed in range(90_000, 90_000 + count))
    return [(chip.image, chip.labels) for chip in made]


def showing(chips: list[Chip], label: str) -> list[Image]:
    """Clear chips with a label; "forest" are those that show nothing else."""
    if label == "forest":
        return [image for image, tags in chips if tags == {"clear", "primary"}]
    return [image for image, tags in chips if label in tags and "clear" in tags]


def quarters(images: list[Image]) -> Iterator[tuple[int, Image]]:
    half = CELL // 2
    for index, image in enumerate(images):
        for top in (0, half):
            for left in (0, half):
                yield index, image[top : top + half, left : left + half]


def told_apart(
    made: list[Image], real: list[Image], describe: Callable[[Image], list[float]], most: int = 60
) -> float | None:
    """Accuracy of "generated or real?"; None with fewer than eight chips of a kind."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import GroupKFold

    count = min(len(made), len(real), most)
    if count < 8:
        return None
    rng = np.random.default_rng(1)
    features, truth, groups = [], [], []
    for is_real, images in ((0, made), (1, real)):
        chosen = [images[index] for index in rng.permutation(len(images))[:count]]
        for index, patch in quarters(chosen):
            # Three scenes have three directions of light: turns hide them.
            features.append(describe(np.rot90(patch, int(rng.integers(4)))))
            truth.append(is_real)
            groups.append(2 * index + is_real)
    x, y = np.array(features), np.array(truth)
    right = 0
    for learn, test in GroupKFold(5).split(x, y, groups):
        trees = HistGradientBoostingClassifier(max_iter=60, random_state=0)
        right += int((trees.fit(x[learn], y[learn]).predict(x[test]) == y[test]).sum())
    return right / len(y)


def medians(images: list[Image]) -> dict[str, float]:
    rows = [statistics(image) for image in images]
    return {name: round(float(np.median([row[name] for row in rows])), 3) for name in rows[0]}


def casts(chips: list[Chip]) -> dict[str, list[float]]:
    """10th and 90th percentile of the casts over all chips."""
    rows = [statistics(image) for image, _ in chips]
    return {
        name: [round(float(np.quantile([row[name] for row in rows], q)), 1) for q in (0.1, 0.9)]
        for name in ("red - green", "blue - red")
    }


def weathers(chips: list[Chip]) -> dict[str, dict[str, float]]:
    """Deviation (median, largest) and brightness (10th, 90th percentile) of each weather."""
    found = {}
    for weather in sorted(WEATHER):
        rows = [statistics(image) for image, tags in chips if weather in tags]
        spread, level = ([row[name] for row in rows] for name in ("deviation", "brightness"))
        found[weather] = {
            "chips": len(rows),
            "deviation": round(float(np.median(spread)), 1),
            "most": round(float(np.max(spread)), 1),
            "darkest": round(float(np.quantile(level, 0.1)), 0),
            "brightest": round(float(np.quantile(level, 0.9)), 0),
        }
    return found


def measure(folder: Path, count: int) -> dict[str, Any]:
    real = real_cells(folder)
    natural, balanced = generated(count, balanced=False), generated(2 * count, balanced=True)
    forest = {
        "generated": medians(showing(natural, "forest")),
        "scenes as chips": medians(showing(real.chips, "forest")),
        "scenes": medians(showing(real.whole, "forest")),
        "real chips": REAL_CHIPS,
    }
    apart = {}
    for label in LABELS:
        made = showing(natural if label == "forest" else balanced, label)
        there = showing(real.chips, label)
        apart[label] = {
            "chips": [len(made), len(there)],
            "texture": told_apart(made, there, texture),
            "texture and colour": told_apart(made, there, colours),
        }
    return {
        "forest": forest,
        "casts": casts(natural),
        "weather": weathers(balanced),
        "generated or real": apart,
    }


def show(found: dict[str, Any]) -> None:
    columns = list(found["forest"])
    print(f"{'clear forest':24}" + "".join(f"{name:>18}" for name in columns))
    for name in found["forest"]["generated"]:
        cells = (found["forest"][column].get(name, "") for column in columns)
        print(f"{name:24}" + "".join(f"{cell:>18}" for cell in cells))
    print(f"\ncasts, 10th and 90th percentile over all chips: {found['casts']}\n")
    for weather, row in found["weather"].items():
        print(f"{weather:24}{row}")
    print("\ngenerated or real? accuracy")
    for label, row in found["generated or real"].items():
        print(f"{label:24}{row}")


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.realism", description=__doc__)
    parser.add_argument("scenes", type=Path, help="folder with the scenes and weak_labels.csv")
    parser.add_argument("--count", type=int, default=600, help="natural chips; twice balanced")
    parser.add_argument("--checkout", type=Path, help="measure the generator of this checkout")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(argv)
    if options.checkout:
        sys.path.insert(0, str(options.checkout.resolve()))
    found = measure(options.scenes, options.count)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
