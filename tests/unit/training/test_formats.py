from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earthgql.errors import TrainingError
from earthgql.models.labels import PLANET_LABELS
from earthgql.training.data.formats import joined, read_parts, read_splits
from earthgql.training.data.samples import FileSamples, content_keys, split_indices


def picture(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = np.random.default_rng(seed).integers(0, 255, 3)
    Image.new("RGB", (256, 256), tuple(map(int, colour))).save(path)
    return path


def planet(folder: Path, count: int = 40) -> Path:
    lines = ["image_name,tags"]
    for number in range(count):
        picture(folder / "train-jpg" / f"train_{number}.jpg", number)
        lines.append(f"train_{number},clear primary{' road' if number % 2 else ''}")
    (folder / "train_v2.csv").write_text("\n".join(lines) + "\n")
    return folder


def ucmerced(folder: Path) -> Path:
    for split, names in (("train", "ab"), ("val", "c"), ("test", "d")):
        rows = [f"{name}\t1\t{int(name == 'a')}" for name in names]
        text = "\n".join(["IMAGE\\LABEL\tsand\tsea", *rows])
        (folder / f"ucmercedmultilabel_{split}.csv").write_text(text + "\n")
    for number, name in enumerate("abcd"):
        picture(folder / ("train" if name in "ad" else "test") / "beach" / f"{name}.png", number)
    return folder


def paths(samples) -> set[Path]:
    assert isinstance(samples, FileSamples)
    return set(samples.paths)


def test_planet(tmp_path: Path) -> None:
    splits = read_splits(planet(tmp_path), "planet", seed=1)
    assert splits.labels == PLANET_LABELS
    sizes = [len(part.truth) for part in (splits.train, splits.validation, splits.test)]
    assert sum(sizes) == 40
    assert sizes[0] > 25
    index = splits.train.names.index("train_1") if "train_1" in splits.train.names else 0
    named = {PLANET_LABELS[k] for k in np.flatnonzero(splits.train.truth[index])}
    odd = int(splits.train.names[index].split("_")[1]) % 2
    assert named == {"clear", "primary"} | ({"road"} if odd else set())
    assert splits.train.read([0, 1]).shape == (2, 256, 256, 3)


def test_ucmerced_finds_pictures_in_any_folder_and_keeps_the_given_split(tmp_path: Path) -> None:
    splits = read_splits(ucmerced(tmp_path), "ucmerced", seed=1)
    assert splits.labels == ("sand", "sea")
    assert splits.train.truth.tolist() == [[1, 1], [1, 0]]
    assert list(splits.validation.names) == ["c"]
    assert list(splits.test.names) == ["d"]


def test_folder_takes_the_labels_it_is_told(tmp_path: Path) -> None:
    rows = [f"{n}.png,{'b a' if n % 2 else 'a'}" for n in range(30)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,tags", *rows]))
    for number in range(30):
        picture(tmp_path / f"{number}.png", number)
    assert read_splits(tmp_path, "folder", seed=1).labels == ("a", "b")
    splits = read_splits(tmp_path, "folder", seed=1, labels=("b", "a", "c"))
    assert splits.train.truth[:, 1].all()
    assert not splits.train.truth[:, 2].any()


def test_no_content_is_in_two_splits_even_if_the_table_says_so(tmp_path: Path) -> None:
    rows = ["image,tags,split"]
    for number, split in enumerate(["train"] * 4 + ["validation"] * 3 + ["test"] * 2):
        # Pictures 0, 4 and 7 are one; so are 1 and 5.
        picture(tmp_path / f"{number}.png", {4: 0, 7: 0, 5: 1}.get(number, number))
        rows.append(f"{number}.png,a,{split}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    splits = read_splits(tmp_path, "folder", seed=1)
    assert list(splits.train.names) == ["2", "3"]
    assert list(splits.validation.names) == ["5", "6"]
    assert list(splits.test.names) == ["7", "8"]


def test_splits_are_disjoint_by_content(tmp_path: Path) -> None:
    splits = read_splits(planet(tmp_path), "planet", seed=3, shares=(0.2, 0.2))
    keys = [
        set(content_keys(sorted(paths(p)))) for p in (splits.train, splits.validation, splits.test)
    ]
    assert all(keys)
    assert sum(map(len, keys)) == len(set.union(*keys))


def test_dealing_keeps_equal_keys_together_and_moves_nobody_when_one_joins() -> None:
    keys = [f"key{n % 50}" for n in range(100)]
    parts = split_indices(keys, 1, (0.2, 0.2))
    assert sorted(i for part in parts for i in part) == list(range(100))
    where = {keys[i]: number for number, part in enumerate(parts) for i in part}
    assert all(where[keys[i]] == number for number, part in enumerate(parts) for i in part)
    longer = split_indices([*keys, "new"], 1, (0.2, 0.2))
    assert [[i for i in part if i < 100] for part in longer] == list(parts)
    assert split_indices(keys, 2, (0.2, 0.2)) != parts


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.2)])
def test_shares_that_leave_nothing_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(TrainingError, match="leave nothing"):
        split_indices(["a"], 1, shares)


def test_wrong_labels_are_named(tmp_path: Path) -> None:
    folder = planet(tmp_path, 3)
    (folder / "train_v2.csv").write_text("image_name,tags\ntrain_0,clear artisanal_mine\n")
    with pytest.raises(TrainingError, match=r"train_0\.jpg has the label artisanal_mine"):
        read_splits(folder, "planet", seed=1)


def test_missing_pictures_are_counted_and_named(tmp_path: Path) -> None:
    folder = planet(tmp_path, 9)
    for number in range(7):
        (folder / "train-jpg" / f"train_{number}.jpg").unlink()
    with pytest.raises(
        TrainingError, match=r"7 of 9 pictures are missing: .*train_0\.jpg.*, \.\.\."
    ):
        read_splits(folder, "planet", seed=1)


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    folder = ucmerced(tmp_path)
    (folder / "ucmercedmultilabel_val.csv").write_text("IMAGE\\LABEL\tsand\tsea\nd\t1\t0\n")
    with pytest.raises(TrainingError, match="validation split is empty"):
        read_splits(folder, "ucmerced", seed=1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image_name,labels\na,clear\n", "no column tags"),
        ("image_name,tags\n", "lists no pictures"),
        ("image_name,tags\na,clear,more\n", "line 2: expected 2 columns"),
    ],
)
def test_a_bad_table_is_told(tmp_path: Path, text: str, said: str) -> None:
    folder = planet(tmp_path, 1)
    (folder / "train_v2.csv").write_text(text)
    with pytest.raises(TrainingError, match=said):
        read_splits(folder, "planet", seed=1)


def test_missing_folders_and_tables_are_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no folder"):
        read_splits(tmp_path / "none", "planet", seed=1)
    with pytest.raises(TrainingError, match=r"train_v2\.csv cannot be read"):
        read_splits(tmp_path, "planet", seed=1)
    (tmp_path / "train_v2.csv").write_text("image_name,tags\na,clear\n")
    with pytest.raises(TrainingError, match="neither train-jpg nor train-tif-v2"):
        read_splits(tmp_path, "planet", seed=1)


def test_a_set_that_is_only_a_test_needs_nothing_to_train_on(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    picture(tmp_path / "b.png", 2)
    (tmp_path / "labels.csv").write_text("image,tags,split\na.png,sea,test\nb.png,sand,test\n")
    parts = read_parts(tmp_path, "folder", seed=1, labels=("sand", "sea"))
    assert [len(part.truth) for part in parts.values()] == [0, 0, 2]
    assert joined(list(parts.values())).truth.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(TrainingError, match="train split is empty"):
        read_splits(tmp_path, "folder", seed=1)
