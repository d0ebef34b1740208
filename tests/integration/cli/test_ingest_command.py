import errno
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from sqlalchemy import Engine, text
from support.imagery_files import noise, write_mbtiles, write_pyramid, write_raster

from earthgql.errors import IngestError
from earthgql.imagery.grid import TileIndex
from earthgql.ingest.raster_files import raster_files
from earthgql.ingest.scene_source import parse_date
from earthgql.settings import PROJECT_ROOT

CELLS = [TileIndex(5, x, 9) for x in range(5)]


def manage(url: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(arguments),
        env={**os.environ, "EARTHGQL_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def command(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, str(PROJECT_ROOT / "manage.py"), *map(str, arguments)]


def counts(engine: Engine) -> tuple[int, int]:
    with engine.connect() as conn:
        scenes = conn.scalar(text("SELECT count(*) FROM scene"))
        return int(scenes or 0), int(conn.scalar(text("SELECT count(*) FROM tile")) or 0)


def test_a_bad_file_is_reported_and_the_others_are_ingested(
    fresh_database_url: str, fresh_engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "scenes"
    for name in ("a", "deep/b", "c"):
        write_raster(folder / f"{name}.tif", noise())
    (folder / "broken.tif").write_bytes((folder / "a.tif").read_bytes()[:5000])
    (folder / "posing.tif").write_text("<VRTDataset/>")
    (folder / "odd[").mkdir()
    (folder / "odd[" / "b].tif").write_text("no TIFF")
    outside = write_raster(tmp_path / "outside.tif", noise())
    (folder / "link.tif").symlink_to(outside)
    result = manage(fresh_database_url, "ingest", "raster", folder)
    assert result.returncode == 1
    for name in ("broken", "posing", "link", "odd[/b]"):
        assert f"{name}: " in result.stderr
    assert "Traceback" not in result.stderr
    assert "3 new" in result.stdout
    assert "4 failed" in result.stdout
    listing = manage(fresh_database_url, "scenes", "list").stdout
    assert all(f" {name} " in listing for name in ("a", "c", "deep/b"))
    assert counts(fresh_engine)[0] == 3


def test_dry_run_writes_nothing_and_needs_no_database(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", noise())
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    result = manage(nowhere, "ingest", "raster", path, "--dry-run")
    assert (result.returncode, "1 dry run" in result.stdout) == (0, True)


def test_every_source_twice_then_shown_and_deleted(
    fresh_database_url: str, fresh_engine: Engine, tmp_path: Path
) -> None:
    root = write_pyramid(tmp_path / "lakes", CELLS)
    csv = tmp_path / "seed.csv"
    csv.write_text("id,z_coord,x_coord,y_coord,path\n1,5,3,22,lakes/5/3/9.png\n")
    runs: list[list[str | Path]] = [
        [
            "ingest",
            "raster",
            write_raster(tmp_path / "r.tif", noise()),
            "--acquired-at",
            "2020-05-18",
        ],
        ["ingest", "pyramid", root, "--attribution", "them"],
        ["ingest", "mbtiles", write_mbtiles(tmp_path / "m.mbtiles", CELLS), "--name", "city"],
        ["ingest", "table", csv, "--root", tmp_path],
    ]
    for state in ("new", "unchanged"):
        for run in runs:
            result = manage(fresh_database_url, *run)
            assert result.returncode == 0, result.stderr
            assert f"1 {state}" in result.stdout
    assert counts(fresh_engine)[0] == 4
    assert "1 changed" in manage(fresh_database_url, *runs[1], "--replace").stdout
    shown = manage(fresh_database_url, "scenes", "show", "r").stdout
    assert "2020-05-18" in shown
    assert str(tmp_path / "r.tif") in shown
    assert manage(fresh_database_url, "scenes", "show", "none").returncode == 1
    assert manage(fresh_database_url, "scenes", "delete", "r", "none", "--yes").returncode == 1
    assert counts(fresh_engine)[0] == 4
    assert manage(fresh_database_url, "scenes", "delete", "r", "city", "--yes").returncode == 0
    assert counts(fresh_engine)[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["raster"],
        ["raster", "{}", "--zoom", "high"],
        ["raster", "{}", "--zoom", "25"],
        ["raster", "{}", "--min-valid", "2"],
        ["raster", "{}", "--bands", "1,2"],
        ["raster", "{}", "{}", "--name", "both"],
        ["pyramid", "{}/none"],
        ["pyramid", "{}", "--scheme", "wms"],
        ["pyramid", "{}", "--tile-size", "300"],
        ["raster", ""],
        ["raster", "{}/a.tif", " "],
        ["raster", "{}/a.tif", "--name", ""],
        ["raster", "{}/a.tif", "--stretch", ""],
        ["raster", "{}/a.tif", "--acquired-pattern", "*_%Y%m%d"],
        ["mbtiles", ""],
        ["pyramid", ""],
        ["table", "", "--root", "{}"],
        ["table", "{}/t.csv", "--root", ""],
        ["raster", "{}"],
    ],
)
def test_wrong_usage_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    filled = [argument.replace("{}", str(tmp_path)) for argument in arguments]
    result = manage("postgresql://nobody@127.0.0.1:1/none", "ingest", *filled)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "date",
    [
        "2020",
        "2020-05-18T00:00:00+23:59",
        "2020-05-18T00:00:00-16:00",
        "2020-05-18T00:00:00.5+01:00:00.5",
        "9999-12-31T23:00:00-02:00",
    ],
)
def test_a_date_that_cannot_be_kept_is_refused(tmp_path: Path, date: str) -> None:
    path = write_raster(tmp_path / "a.tif", noise())
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    result = manage(nowhere, "ingest", "raster", path, "--dry-run", f"--acquired-at={date}")
    assert result.returncode == 1
    assert f"{date!r} is not an ISO 8601 date or time" in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_the_largest_offsets_are_kept(fresh_engine: Engine) -> None:
    dates = ("2020-05-18T00:00:00+15:59:59", "2020-05-18T00:00:00-15:59:59")
    with fresh_engine.connect() as conn:
        for date in map(parse_date, dates):
            assert conn.scalar(text("SELECT CAST(:date AS timestamptz)"), {"date": date}) == date


def test_a_folder_without_rasters_is_named(tmp_path: Path) -> None:
    result = manage("postgresql://nobody@127.0.0.1:1/none", "ingest", "raster", tmp_path)
    assert f"no .tif, .tiff, .jp2 or .j2k file in {tmp_path}" in result.stderr


def test_a_folder_that_cannot_be_listed_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_raster(tmp_path / "open" / "a.tif", noise())
    (tmp_path / "shut").mkdir()
    list_folder = os.scandir

    def scandir(folder: str) -> object:
        if folder.endswith("shut"):  # root may list anything
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return list_folder(folder)

    assert [name for name, _, _ in raster_files([str(tmp_path)])] == ["open/a"]
    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(IngestError, match="shut cannot be listed: Permission denied"):
        list(raster_files([str(tmp_path)]))


def test_a_killed_ingest_leaves_no_half_scene(
    fresh_database_url: str, fresh_engine: Engine, tmp_path: Path
) -> None:
    csv = tmp_path / "large.csv"
    lines = [f"{i},14,{i // 500},{i % 500},x/{i}.png\n" for i in range(400_000)]
    csv.write_text("id,z_coord,x_coord,y_coord,path\n" + "".join(lines))
    process = subprocess.Popen(
        command(["ingest", "table", csv, "--root", tmp_path]),
        env={**os.environ, "EARTHGQL_DATABASE_URL": fresh_database_url},
        stderr=subprocess.DEVNULL,
    )
    with fresh_engine.connect() as conn:
        until = time.monotonic() + 60
        copying = (
            "SELECT max(tuples_processed) FROM pg_stat_progress_copy "
            "WHERE datname = current_database()"
        )
        while (conn.scalar(text(copying)) or 0) < 20_000:
            conn.rollback()
            assert process.poll() is None, "over before it could be killed"
            assert time.monotonic() < until, "never began to copy"
            time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert counts(fresh_engine) == (0, 0)
    csv.write_text("".join(csv.read_text().splitlines(keepends=True)[:1001]))
    result = manage(fresh_database_url, "ingest", "table", csv, "--root", tmp_path)
    assert "1 new" in result.stdout
    assert counts(fresh_engine) == (1, 1000)


def test_what_is_decided_is_printed(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    lines = [f"{i};10;{i};500;p\\{i}.png" for i in range(1024)]
    (tmp_path / "t.csv").write_text("\n".join(["id;z_coord;x_coord;y_coord;path", *lines]))
    result = manage(nowhere, "ingest", "table", tmp_path / "t.csv", "--root", tmp_path, "--dry-run")
    assert result.returncode == 0
    assert "1 dry run; 1,024 tiles" in result.stdout
    assert result.stderr.splitlines()[-4:-1] == [
        "t: the fields are separated by semicolons",
        "t: in 1,024 paths, backslashes are read as slashes",
        "t: warning: all 1,024 pictures are missing, the first is p/0.png; "
        "is --root the right folder?",
    ]


def test_explain_prints_how_a_file_is_understood(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "a.tif", noise(6, dtype="uint16"), tags={"ACQUIRED": "2020-05-18T13:38:01Z"}
    )
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    result = manage(nowhere, "ingest", "raster", path, "--dry-run", "--explain", "--nodata", "0")
    assert result.returncode == 0, result.stderr
    printed = " ".join(result.stdout.split())
    for text_ in (
        "Driver GTiff, 512 x 512 pixels",
        "CRS EPSG:4326 WGS 84",
        "Georeference its transform",
        "Bands 6 of uint16",
        "Shown R 1, G 2, B 3 (the first three)",
        "Alpha none",
        "Valid are by nodata 0",
        "(percentiles 2 and 98)",
        "Zoom 13 (its pixels are",
        "Acquired 2020-05-18T13:38:01+00:00 (its tag ACQUIRED)",
        "with any data; at least 50.0% full",
    ):
        assert text_ in printed
    assert "a: bands 1, 2, 3 of 6 are shown" in result.stderr
    assert manage(nowhere, "ingest", "raster", path, "--explain").returncode == 2


def test_files_without_tiles_are_counted_apart_and_messages_are_plain(tmp_path: Path) -> None:
    write_raster(tmp_path / "in" / "good.tif", noise())
    write_raster(tmp_path / "in" / "empty.tif", noise() * 0, nodata=0)
    (tmp_path / "in" / "bad.tif").write_text("no TIFF")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            tmp_path / "in" / "plain.tif",
            "w",
            driver="GTiff",
            width=8,
            height=8,
            count=1,
            dtype="uint8",
        ) as dataset:
            dataset.write(np.ones((1, 8, 8), np.uint8))
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    result = manage(nowhere, "ingest", "raster", tmp_path / "in", "--dry-run")
    assert result.returncode == 1
    summary = result.stdout.splitlines()[-1]
    for count in ("1 dry run", "1 without tiles", "2 failed"):
        assert count in summary
    assert "Warning" not in result.stderr
    assert "site-packages" not in result.stderr
    assert str(tmp_path) not in result.stderr
