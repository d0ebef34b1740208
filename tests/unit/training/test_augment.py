import numpy as np

from earthgql.training.data.augment import augment


def quadrants() -> np.ndarray:
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    picture[0, :16, :16], picture[0, :16, 16:], picture[0, 16:, :16] = 10, 20, 30
    return picture


def test_without_jitter_pictures_are_only_turned_and_mirrored_in_all_eight_ways() -> None:
    seen = set()
    for seed in range(60):
        changed, _ = augment(quadrants(), np.random.default_rng(seed), 0)
        corners = changed[0, [0, 0, -1, -1], [0, -1, 0, -1], 0]
        assert sorted(corners) == [0, 10, 20, 30]
        seen.add(tuple(corners))
    assert len(seen) == 8


def test_cells_turn_with_their_picture() -> None:
    cells = np.ascontiguousarray(quadrants()[:, ::8, ::8])
    for seed in range(20):
        pictures, turned = augment(quadrants(), np.random.default_rng(seed), 0, cells)
        assert np.array_equal(pictures[:, ::8, ::8], turned)


def test_warp_shows_the_same_things_elsewhere() -> None:
    original = np.full((4, 64, 64, 3), 50, np.uint8)
    original[:, 24:40, 24:40] = 200
    changed, _ = augment(original, np.random.default_rng(1), 0, warp=1.0)
    assert 0.4 < (changed > 125).sum() / (original > 125).sum() < 2.5
    assert (changed[:, 28:36, 28:36].mean((1, 2, 3)) > 150).all()
    assert not np.array_equal(changed[0], changed[1])


def test_jitter_changes_colours_little_and_never_the_originals() -> None:
    original = np.full((8, 32, 32, 3), 90, np.uint8)
    changed, _ = augment(original, np.random.default_rng(1), 1.0)
    means = changed.mean((1, 2))
    assert (original == 90).all()
    assert len(np.unique(means, axis=0)) == 8
    assert 40 < means.min() < means.max() < 200
