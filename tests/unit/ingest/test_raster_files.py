import os
from pathlib import Path

import pytest

from earthgql.errors import IngestError
from earthgql.ingest.raster_files import raster_files


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")


def names(*paths: Path) -> tuple[list[str], list[str]]:
    said: list[str] = []
    return [raster.name for raster in raster_files(list(map(str, paths)), said.append)], said


def test_files_of_one_stem_keep_their_suffixes(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a.tif", "a.jp2", "b.tif", "c/a.TIF", "notes.txt")))
    found, said = names(tmp_path)
    assert found == ["a.jp2", "a.tif", "b", "c/a"]
    assert said == [f"{n} keeps its suffix: another file has the same name" for n in found[:2]]


def test_attributes_of_macos_are_no_rasters(tmp_path: Path) -> None:
    touch(tmp_path / "d" / "a.tif", tmp_path / "d" / "._a.tif")
    assert names(tmp_path) == (
        ["d/a"],
        ["d/._a.tif is passed over: it holds attributes of macOS, not pixels"],
    )


@pytest.mark.parametrize("way", ["again", "relative", "folder", "link", "hard link"])
def test_a_file_by_two_paths_is_ingested_once(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "d" / "a.tif"
    touch(file)
    monkeypatch.chdir(tmp_path)
    second = {"again": file, "relative": Path("d/../d/a.tif"), "folder": tmp_path / "d"}.get(way)
    if second is None:
        second = tmp_path / "link.tif"
        second.symlink_to(file) if way == "link" else os.link(file, second)
    found, said = names(file, second)
    assert found == ["a"]
    twice = f"{file} is named twice, and ingested once"
    other = f"{second} is passed over: it is the same file as {file}"
    assert said == [other if way == "hard link" else twice]


def test_a_link_that_leads_out_does_not_hide_the_file(tmp_path: Path) -> None:
    file, folder = tmp_path / "out" / "b.tif", tmp_path / "in"
    touch(file, folder / "a.tif")
    (folder / "link.tif").symlink_to(file)
    found = raster_files([str(folder), str(file)])
    assert [(raster.name, raster.file) for raster in found] == [
        ("a", folder / "a.tif"),
        ("b", file),
    ]
    assert [raster.name for raster in raster_files([str(folder)])] == ["a", "link"]


def test_files_of_one_name_in_several_folders_are_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "x" / "a.tif", tmp_path / "y" / "a.tif"
    touch(first, second)
    with pytest.raises(IngestError, match=r"x/a\.tif and .*y/a\.tif would both be the scene 'a\.t"):
        raster_files([str(first), str(second)])
    assert names(tmp_path) == (["x/a", "y/a"], [])
