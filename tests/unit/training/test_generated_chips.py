from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from earthgql.errors import TrainingError
from earthgql.landscape import LABELS, make_chip
from earthgql.training import generated
from earthgql.training.generated import Order, cell_shares, render


def test_seeds_of_the_splits_never_meet() -> None:
    most = 1 << 40
    ranges = [Order(split, most).seeds for split in ("train", "validation", "test")]
    assert all(before.stop <= after.start for before, after in pairwise(ranges))


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
