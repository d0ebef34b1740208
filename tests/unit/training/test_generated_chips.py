from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from earthgql.demo.scene_file import SEED
from earthgql.errors import TrainingError
from earthgql.landscape import LABELS, make_chip, render_scene
from earthgql.training.data import generated
from earthgql.training.data.generated import FIRST_SCENE, Order, cell_shares, render
from earthgql.training.data.samples import JoinedSamples


def test_seeds_of_the_splits_never_meet() -> None:
    most = 1 << 39
    ranges = []
    for split in ("train", "validation", "test"):
        ranges += [Order(split, most).seeds, Order(split, most, scenes=True).seeds]
    assert all(before.stop <= after.start for before, after in pairwise(ranges))


def test_the_demo_shows_a_scene_that_nothing_was_learnt_from() -> None:
    assert SEED < FIRST_SCENE  # the first scene of the train split, whose chips begin at 0
    for split in ("train", "validation", "test"):
        assert SEED not in Order(split, 1 << 39, scenes=True).seeds


def test_tiles_of_scenes_are_rendered_like_chips(tmp_path: Path) -> None:
    order = Order("test", 64, scenes=True)
    tiles = render(tmp_path, order, 1)
    scene = render_scene(order.seeds[0], size=2048)
    assert np.array_equal(tiles.images[8 * 3 + 5], scene.image[768:1024, 1280:1536])
    assert {LABELS[k] for k in np.flatnonzero(tiles.truth[29])} == scene.truth[3, 5]
    assert tiles.cells is not None
    assert np.array_equal(
        tiles.cells[29], cell_shares(scene.cover[768:1024, 1280:1536], len(LABELS))
    )
    joined = JoinedSamples([tiles.after(60), tiles])
    assert len(joined.truth) == len(joined.cells) == len(joined.names) == 68
    for place, row in ((0, 60), (3, 63), (4, 0), (67, 63)):
        assert np.array_equal(joined.read([place])[0], tiles.images[row])
        assert np.array_equal(joined.truth[place], tiles.truth[row])
        assert np.array_equal(joined.cells[place], tiles.cells[row])


def test_scenes_come_whole() -> None:
    with pytest.raises(TrainingError, match="no whole scenes of 64"):
        Order("train", 100, scenes=True)


def test_render_goes_on_where_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generated, "CHIPS_PER_BLOCK", 1)
    order = Order("validation", 12)
    made: list[int] = []

    def pull_the_plug(count: int) -> None:
        made.append(count)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(tmp_path, order, 1, pull_the_plug)
    assert not generated.is_rendered(tmp_path, order)
    left: list[int] = []
    chips = render(tmp_path, order, 1, left.append)
    assert generated.is_rendered(tmp_path, order)
    assert 0 < sum(left) < 12
    for row, seed in enumerate(order.seeds):
        chip = make_chip(seed)
        assert np.array_equal(chips.images[row], chip.image)
        assert {LABELS[k] for k in np.flatnonzero(chips.truth[row])} == chip.labels
    assert chips.cells is not None
    assert chips.read([4, 0]).shape == (2, 256, 256, 3)
    again = render(tmp_path, order, 1, lambda count: pytest.fail("rendered twice"))
    assert np.array_equal(again.images, chips.images)
    fewer = render(tmp_path, Order("validation", 3), 1, lambda count: pytest.fail("rendered"))
    assert np.array_equal(fewer.images, chips.images[:3])
    assert len(fewer.truth) == len(fewer.names) == 3
    rest = chips.after(9)
    assert np.array_equal(rest.read([0]), chips.images[9:10])
    assert rest.names == chips.names[9:]
    assert not generated.is_rendered(tmp_path, Order("test", 3))
    assert not generated.is_rendered(tmp_path, Order("validation", 13))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=r"cannot keep rendered chips in .*Not a directory"):
        render(tmp_path / "file", Order("test", 1), 1)


def test_cells_tell_what_covers_them() -> None:
    cover = np.zeros((32, 32), np.uint8)
    cover[:2, :2] = 4
    cover[2, 0] = 6
    shares = cell_shares(cover, 8)
    assert shares.shape == (16, 16, 8)
    assert shares[0, 0].tolist() == [0, 0, 0, 0, 255, 0, 0, 0]
    assert shares[1, 0].tolist() == [0, 0, 0, 0, 0, 0, 64, 0]
    assert shares.sum() == 255 + 64
