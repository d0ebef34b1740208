"""One training picture: real or generated ground, objects on it, weather over it, the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from earthgql.landscape.camera import draw_sensor, expose, lay_weather
from earthgql.landscape.labels import CODES, LABELS, PRIMARY, UNLABELLED, WEATHER
from earthgql.landscape.labels.plan import draw_plan
from earthgql.landscape.layout.compose import compose
from earthgql.training.ground import COVERS, bit, read_counts
from earthgql.training.ground.vocabulary import CLOUD
from earthgql.training.material.clouds import lay_real_clouds
from earthgql.training.material.piece import SIDE, Field, Piece, cut, grained

F32 = npt.NDArray[np.float32]
U8 = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Rng = np.random.Generator

_WEATHER_ODDS: Final = (0.52, 0.22, 0.10, 0.16)
_ALONE: Final = "cloudy"
_REAL_CLOUDS: Final = 0.45
_FOREST_TO_BUILD_ON: Final = 0.8
# Nobody can say from the picture whether annotators would have named these beside the others;
# how often they did is counted from Planet's table of tag sets.
_COMPANY: Final = (("agriculture", "cultivation", 0.74), ("road", "habitation", 0.77))


@dataclass(frozen=True)
class Picture:
    """A training picture.

    Attributes:
        image: uint8 [256, 256, 3].
        truth: uint8 [labels].
        known: uint8 [labels], 0 where the truth must not be used.
        cover: uint32 [256, 256], bits of ``COVERS`` that can be seen in each pixel.
    """

    image: U8
    truth: U8
    known: U8
    cover: npt.NDArray[np.uint32]


def plain(
    field: Field,
    rng: Rng,
    *,
    weather: str | None = None,
    focus: float = 0.5,
    clouds: Sequence[Field] = (),
) -> Picture:
    """A crop of real ground with weather laid over it.

    Args:
        field: where to cut.
        rng: source of chance.
        weather: None draws it; ignored where the picture has weather of its own.
        focus: see ``cut``.
        clouds: see ``finish``.
    """
    return finish(cut(field, rng, focus=focus), rng, weather, clouds=clouds)


def enlarged(
    fields: Sequence[Field], canopies: Sequence[Field], rng: Rng, *, weather: str | None = None
) -> Picture:
    """A crop of a real picture of another scale, with the grain of Planet's canopy."""
    field = fields[int(rng.integers(len(fields)))]
    piece = cut(field, rng, focus=0.7)
    if field.zoom > 1.2 and "cloudy" not in piece.weather:
        piece = grained(piece, cut(canopies[int(rng.integers(len(canopies)))], rng, focus=0.0))
    return finish(piece, rng, weather)


def built(
    fields: Sequence[Field], rng: Rng, *, balanced: bool = True, clouds: Sequence[Field] = ()
) -> Picture:
    """Generated objects on real canopy, which stands in for the generator's."""
    plan = draw_plan(rng, balanced=balanced)
    for _ in range(6):
        piece = cut(fields[int(rng.integers(len(fields)))], rng, focus=0.0)
        if piece.share("primary") >= _FOREST_TO_BUILD_ON and piece.share(CLOUD) == 0:
            break
    ground = compose(rng, SIDE, plan, canopy=piece.rgb)
    sure, maybe = piece.sure.copy(), piece.maybe.copy()
    painted = ground.cover != PRIMARY
    sure[painted] = _BITS_OF_CODES[ground.cover[painted]]
    maybe[painted] = 0
    piece = Piece(ground.rgb, sure, maybe, frozenset({"clear"}), piece.unknown)
    return finish(piece, rng, plan.weather, clouds=clouds)


def generated(rng: Rng, *, balanced: bool = True) -> Picture:
    """A wholly generated chip."""
    plan = draw_plan(rng, balanced=balanced)
    ground = compose(rng, SIDE, plan)
    sure = _BITS_OF_CODES[ground.cover]
    piece = Piece(ground.rgb, sure, np.zeros_like(sure), frozenset({"clear"}))
    return finish(piece, rng, plan.weather, real=False)


def finish(
    piece: Piece,
    rng: Rng,
    weather: str | None,
    *,
    real: bool = True,
    clouds: Sequence[Field] = (),
) -> Picture:
    """Lay weather over a piece, take the picture and tell its labels.

    Args:
        piece: the ground.
        rng: source of chance.
        weather: None draws it; ignored where the piece has weather of its own.
        real: whether the ground is a real picture, which is as sharp as the camera made it.
        clouds: strips whose clouds are laid over it in some of the partly cloudy pictures.
    """
    own = piece.weather != {"clear"} or piece.share(CLOUD) > 0.0005
    if weather is None:
        weather = str(rng.choice(WEATHER, p=_WEATHER_ODDS))
    if own:
        seen, visible = piece.rgb, np.ones(piece.sure.shape, np.bool_)
    else:
        laid = None
        if weather == "partly_cloudy" and rng.random() < _REAL_CLOUDS:
            laid = lay_real_clouds(rng, piece.rgb, clouds)
        seen, visible = laid or lay_weather(rng, piece.rgb, weather)
    sensor = draw_sensor(rng)
    if real:
        sensor = replace(sensor, softness=float(rng.uniform(0.5, 1.0)))
    skies = piece.weather if own else frozenset({weather})
    truth, known = labels_of(piece, visible, skies, rng)
    cover = np.where(visible & ((piece.sure & bit(CLOUD)) == 0), piece.sure, np.uint32(0))
    return Picture(expose(sensor, rng, seen), truth, known, cover)


def labels_of(piece: Piece, visible: Mask, skies: frozenset[str], rng: Rng) -> tuple[U8, U8]:
    """Truth, and where it is known; a cloudy picture shows nothing else."""
    if skies == {_ALONE}:
        alone = np.array([label == _ALONE for label in LABELS], np.uint8)
        return alone, np.ones_like(alone)
    clear = visible & ((piece.sure & bit(CLOUD)) == 0)
    sure, possible = _counts(piece.sure, clear), _counts(piece.sure | piece.maybe, clear)
    sure[CLOUD] = possible[CLOUD] = int(np.count_nonzero(piece.sure & bit(CLOUD)))
    reading = read_counts(sure, possible, skies)
    truth, known = reading.truth.copy(), reading.known.astype(np.uint8)
    for label, beside, share in _COMPANY:
        k = LABELS.index(label)
        if not known[k] and truth[LABELS.index(beside)]:
            truth[k], known[k] = rng.random() < share, 1
    for label in piece.unknown:
        k = LABELS.index(label)
        known[k] &= truth[k]
    return truth, known


def _counts(bits: npt.NDArray[np.uint32], where: Mask) -> dict[str, float]:
    seen = bits[where]
    return {cover: int(np.count_nonzero(seen & bit(cover))) for cover in COVERS}


_BITS_OF_CODES: Final = np.array(
    [
        0 if code == UNLABELLED or code not in CODES.values() else bit(LABELS[code])
        for code in range(len(LABELS))
    ],
    np.uint32,
)


def natural_weather(rng: Rng) -> str:
    """Weather as often as among Planet's chips."""
    return str(rng.choice(WEATHER, p=(0.702, 0.179, 0.052, 0.067)))
