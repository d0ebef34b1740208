import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earthgql.errors import TrainingError
from earthgql.landscape.labels import LABELS
from earthgql.training.ground import GroundScene, bit
from earthgql.training.ground.areas import Area
from earthgql.training.ground.vocabulary import CLOUD
from earthgql.training.material import mixture, pool, store
from earthgql.training.material.clouds import lay_real_clouds
from earthgql.training.material.piece import FOREST, Field, cut, grained

RIVER = slice(280, 340)


def scene(name: str = "made", weather: str = "clear") -> GroundScene:
    """Grainy forest with a river through it."""
    rng = np.random.default_rng(1)
    pixels = np.clip(rng.normal((60, 80, 70), 8, (600, 700, 3)), 0, 255)
    pixels[RIVER] = (170, 150, 120)
    sure = np.full((600, 700), bit("primary"), np.uint32)
    sure[RIVER] = bit("water")
    return GroundScene(name, pixels.astype("u1"), sure, np.zeros_like(sure), frozenset({weather}))


FIELD = Field.of(scene())


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def labels(picture: mixture.Picture) -> set[str]:
    return {label for label, true in zip(LABELS, picture.truth, strict=True) if true}


def test_pieces_have_the_level_of_chips_and_their_pixels_labels() -> None:
    for seed in range(5):
        piece = cut(FIELD, rng(seed))
        forest = (piece.sure & bit("primary")) > 0
        assert piece.rgb.shape == (256, 256, 3)
        assert np.abs(np.median(piece.rgb[forest], axis=0) - FOREST).max() < 6
        river = piece.rgb[(piece.sure & bit("water")) > 0]
        assert len(river) == 0 or np.median(river[:, 0]) > 100


def test_focus_finds_the_rare() -> None:
    found = [cut(FIELD, rng(seed), focus=1.0).share("water") > 0 for seed in range(20)]
    assert np.mean(found) > 0.8


def test_grain_is_put_on_forest_most() -> None:
    canopy = cut(FIELD, rng(1), focus=0.0)
    flat = replace(canopy, rgb=np.full_like(canopy.rgb, 50))
    rough = grained(flat, canopy).rgb.std(axis=2).shape
    assert rough == (256, 256)
    assert grained(flat, canopy).rgb.std() > 1


@pytest.mark.parametrize("weather", ["clear", "partly_cloudy", "cloudy", "haze"])
def test_each_picture_has_its_one_weather(weather: str) -> None:
    picture = mixture.plain(FIELD, rng(3), weather=weather)
    assert labels(picture) & set(LABELS[:4]) == {weather}
    if weather == "cloudy":
        assert labels(picture) == {"cloudy"}
        assert not picture.cover.any()


def test_objects_are_built_on_real_canopy() -> None:
    shown = set().union(*(labels(mixture.built([FIELD], rng(seed))) for seed in range(12)))
    assert len(shown & {"conventional_mine", "blooming", "habitation", "road", "blow_down"}) >= 2


def test_what_may_be_there_is_not_known() -> None:
    doubtful = scene()
    doubtful.maybe[RIVER] = bit("road")
    picture = mixture.plain(Field.of(doubtful), rng(2), weather="clear", focus=1.0)
    assert "water" in labels(picture)
    assert not picture.known[LABELS.index("road")]
    assert picture.known[LABELS.index("habitation")]


def test_what_nobody_looked_for_is_not_known_to_be_absent() -> None:
    field = Field.of(scene(), unknown=frozenset({"road"}))
    picture = mixture.plain(field, rng(2), weather="clear")
    assert not picture.known[LABELS.index("road")]


def test_clouds_are_lifted_off_one_picture_and_laid_over_another() -> None:
    cloudy = scene("strip")
    cloudy.image[100:160, 100:400] = 240
    cloudy.sure[100:160, 100:400] |= bit(CLOUD)
    ground = np.full((256, 256, 3), 50, np.float32)
    laid = lay_real_clouds(rng(1), ground, [Field.of(cloudy)])
    assert laid is not None
    seen, visible = laid
    assert seen.max() > 150
    assert 0.3 < visible.mean() < 1
    assert lay_real_clouds(rng(1), ground, [FIELD]) is None


def test_a_picture_is_the_same_whenever_it_is_made() -> None:
    ground = pool.Pool([FIELD])
    recipe = store.Recipe(strips=0, sentinel=0)
    one, other = (store.make(ground, recipe, rng(9)) for _ in range(2))
    assert np.array_equal(one[0].image, other[0].image)
    assert one[1] == other[1]


def test_pictures_are_made_of_what_there_is() -> None:
    recipe = store.Recipe(built=0, generated=0, strips=1, sentinel=1)
    assert store.make(pool.Pool([FIELD]), recipe, rng(9))[1] == "scenes/made"


def test_cells_tell_where_a_label_is() -> None:
    cover = np.zeros((256, 256), np.uint32)
    cover[:16, :8] = bit("water")
    cells = store.cell_shares(cover)
    assert cells[0, 0, LABELS.index("water")] == 128
    assert cells.astype(int).sum() == 128


def test_stored_pictures_come_back_without_those_of_a_scene(tmp_path: Path) -> None:
    for start, name in ((0, "scenes/a"), (64, "scenes/b")):
        np.savez(
            tmp_path / f"{start:07}.npz",
            images=np.zeros((2, 8, 8, 3), "u1"),
            truth=np.ones((2, 17), "u1"),
            known=np.ones((2, 17), "u1"),
            cells=np.zeros((2, 16, 16, 17), "u1"),
            source=np.array([name] * 2),
        )
    material = store.load(tmp_path)
    assert len(material.samples().truth) == 4
    assert material.samples(without="a").names == ("scenes/b-2", "scenes/b-3")
    assert store.load(tmp_path, 1).samples().names == ("scenes/a-0",)
    with pytest.raises(TrainingError, match="holds no pictures"):
        store.load(tmp_path / "none")


def test_areas_of_the_strips_name_known_labels() -> None:
    strips = json.loads(pool._STRIPS.read_text())
    assert len(strips) > 20
    for strip in strips:
        assert all(Area(**area).rings for area in strip["areas"])
        assert set(strip["unknown"]) <= set(LABELS)
    sentinel = json.loads(pool._SENTINEL.read_text())
    assert all(set(entry) <= {"skip", "road", "habitation"} for entry in sentinel.values())


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere"):
        pool.read_rgb(tmp_path / "nowhere.jpg")
    Image.new("L", (4, 3)).save(tmp_path / "grey.png")
    assert pool.read_rgb(tmp_path / "grey.png").shape == (3, 4, 3)
