"""Data sets by the layout of their files. No picture ever is in two splits, whatever the files say.

``planet``
    ``train_v2.csv`` (``image_name,tags``) beside ``train-jpg/`` or ``train-tif-v2/``.
``ucmerced``
    ``ucmercedmultilabel_{train,val,test}.csv``, tab-separated 0/1 tables; pictures are found by
    name in any folder below.
``folder``
    ``labels.csv`` with the columns ``image`` (path below the folder) and ``tags`` (separated by
    spaces), and perhaps ``split`` (train, validation or test).

Pictures without a given split are dealt by a hash of their content, so that copies stay together.
Where a given split holds copies of a picture in several parts, the copies leave the training part
first and the validation part second.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from earthgql.errors import TrainingError
from earthgql.models.labels import PLANET_LABELS
from earthgql.training.data.samples import FileSamples, Splits, content_keys, split_indices

Format = Literal["planet", "ucmerced", "folder"]
SPLITS = ("train", "validation", "test")
_SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff"}
_PLANET_FOLDERS = (("train-jpg", ".jpg"), ("train-tif-v2", ".tif"))
_UCMERCED_TABLES = {"train": "train", "validation": "val", "test": "test"}
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A picture of a data set: its file, its tags, and its split where one is given."""

    path: Path
    tags: frozenset[str]
    split: str | None = None


def read_splits(
    folder: Path,
    format_: Format,
    *,
    seed: int,
    labels: Sequence[str] | None = None,
    shares: tuple[float, float] = (0.1, 0.1),
) -> Splits:
    """Read a data set.

    Args:
        folder: where it is.
        format_: its layout.
        seed: of the split, where none is given.
        labels: vocabulary and order to use; None takes the data set's own.
        shares: share of validation and test, where no split is given.

    Raises:
        TrainingError: if tables or pictures are missing or empty, labels are unknown, or nothing
            is left to train or to validate on.
    """
    parts = read_parts(folder, format_, seed=seed, labels=labels, shares=shares)
    return Splits(*(parts[name] for name in SPLITS))


def read_parts(
    folder: Path,
    format_: Format,
    *,
    seed: int,
    labels: Sequence[str] | None = None,
    shares: tuple[float, float] = (0.1, 0.1),
) -> dict[str, FileSamples]:
    """Read a data set whose splits may be empty, as those of a set that is only a test are.

    Args:
        folder: see ``read_splits``, as all others.
        format_: its layout.
        seed: of the split, where none is given.
        labels: vocabulary and order to use; None takes the data set's own.
        shares: share of validation and test, where no split is given.

    Returns:
        The parts ``train``, ``validation`` and ``test``.

    Raises:
        TrainingError: if tables or pictures are missing, or labels are unknown.
    """
    if not folder.is_dir():
        raise TrainingError(f"there is no folder {folder}")
    rows, vocabulary = _READERS[format_](folder)
    if not rows:
        raise TrainingError(f"{folder} lists no pictures")
    vocabulary = tuple(labels or vocabulary)
    _refuse_unknown(folder, rows, vocabulary)
    _refuse_missing(rows)
    dealt = zip(SPLITS, _dealt(rows, seed, shares), strict=True)
    return {name: _samples(part, vocabulary) for name, part in dealt}


def joined(parts: Sequence[FileSamples]) -> FileSamples:
    """Join parts of one data set, which have the same labels."""
    return FileSamples(
        parts[0].labels,
        np.concatenate([part.truth for part in parts]),
        [path for part in parts for path in part.paths],
    )


def _planet(folder: Path) -> tuple[list[Row], tuple[str, ...]]:
    table = _table(folder / "train_v2.csv", ("image_name", "tags"))
    for name, suffix in _PLANET_FOLDERS:
        if (folder / name).is_dir():
            rows = [
                Row(folder / name / f"{row['image_name']}{suffix}", _tags(row["tags"]))
                for row in table
            ]
            return rows, PLANET_LABELS
    raise TrainingError(f"{folder} has neither train-jpg nor train-tif-v2")


def _ucmerced(folder: Path) -> tuple[list[Row], tuple[str, ...]]:
    files = _by_name(folder)
    rows: list[Row] = []
    labels: tuple[str, ...] = ()
    for split, short in _UCMERCED_TABLES.items():
        path = folder / f"ucmercedmultilabel_{short}.csv"
        table = _table(path, (), delimiter="\t")
        if not table:
            raise TrainingError(f"{path} is empty")
        first, *found = table[0]
        if labels and tuple(found) != labels:
            raise TrainingError(f"{path} has other labels than the table of the train split")
        labels = tuple(found)
        for row in table:
            tags = frozenset(label for label in labels if row[label] == "1")
            rows.append(Row(files.get(row[first], folder / row[first]), tags, split))
    return rows, labels


def _folder(folder: Path) -> tuple[list[Row], tuple[str, ...]]:
    table = _table(folder / "labels.csv", ("image", "tags"))
    rows = [
        Row(folder / row["image"], _tags(row["tags"]), row.get("split") or None) for row in table
    ]
    wrong = {row.split for row in rows} - {None, *SPLITS}
    if wrong:
        raise TrainingError(f"{folder / 'labels.csv'}: split {wrong.pop()!r} is none of {SPLITS}")
    if len({row.split is None for row in rows}) > 1:
        raise TrainingError(f"{folder / 'labels.csv'}: give every picture a split, or none")
    return rows, tuple(sorted(frozenset[str]().union(*(row.tags for row in rows))))


_READERS = {"planet": _planet, "ucmerced": _ucmerced, "folder": _folder}


def _table(path: Path, columns: tuple[str, ...], delimiter: str = ",") -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter=delimiter)
            lacking = [name for name in columns if name not in (reader.fieldnames or ())]
            if lacking:
                raise TrainingError(f"{path} has no column {', '.join(lacking)}")
            rows, expected = list(reader), len(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path} cannot be read: {error}") from None
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise TrainingError(f"{path}, line {number}: expected {expected} columns")
    return rows


def _tags(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _by_name(folder: Path) -> dict[str, Path]:
    found = {p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES}
    return {name: path for path in sorted(found) for name in (path.name, path.stem)}


def _refuse_unknown(folder: Path, rows: list[Row], vocabulary: tuple[str, ...]) -> None:
    for row in rows:
        unknown = sorted(row.tags - set(vocabulary))
        if unknown:
            raise TrainingError(
                f"{folder}: {row.path.name} has the label {', '.join(unknown)}, which is none of"
                f" the {len(vocabulary)} known: {', '.join(vocabulary)}"
            )


def _refuse_missing(rows: list[Row]) -> None:
    missing = [str(row.path) for row in rows if not row.path.is_file()]
    if missing:
        some = ", ".join(missing[:_SHOWN]) + (", ..." if len(missing) > _SHOWN else "")
        raise TrainingError(f"{len(missing)} of {len(rows)} pictures are missing: {some}")


def _dealt(rows: list[Row], seed: int, shares: tuple[float, float]) -> list[list[Row]]:
    keys = content_keys([row.path for row in rows])
    if rows[0].split is None:
        return [[rows[i] for i in part] for part in split_indices(keys, seed, shares)]
    parts: dict[str, list[Row]] = {name: [] for name in SPLITS}
    taken: dict[str, str] = {}
    for name in reversed(SPLITS):
        for row, key in zip(rows, keys, strict=True):
            if row.split == name and taken.setdefault(key, name) == name:
                parts[name].append(row)
    return [parts[name] for name in SPLITS]


def _samples(rows: list[Row], labels: tuple[str, ...]) -> FileSamples:
    truth = np.array([[label in row.tags for label in labels] for row in rows], np.uint8)
    return FileSamples(labels, truth.reshape(-1, len(labels)), [row.path for row in rows])
