"""``manage.py export``: files that are whole, or not there."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas
import pyogrio
import pytest
from sqlalchemy import Engine, text
from support.imagery_files import noise, write_raster
from support.pixel_classifier import PixelClassifier

from earthgql import cli, models
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource
from earthgql.ingest.store import store
from earthgql.scoring.service import ScoringService
from earthgql.settings import PROJECT_ROOT

Export = Callable[..., tuple[int, str, str]]
MODEL = ("--model", "pixel")
# Whoever runs the tests in the background may ignore interrupts, and children inherit that.
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from earthgql import cli
cli.main()
"""


@pytest.fixture
def scored(fresh_engine: Engine, tmp_path: Path) -> int:
    """One scene whose tiles are all classified; how many they are."""
    path = write_raster(tmp_path / "imagery" / "lake.tif", noise())
    store(fresh_engine, RasterSource("lake", str(path), str(path.parent), RasterOptions()))
    with fresh_engine.connect() as conn:
        ids = list(conn.scalars(text("SELECT id FROM tile")))
    service = ScoringService(fresh_engine, PixelClassifier)
    service.classify_tiles(ids)
    service.close()
    return len(ids)


@pytest.fixture
def export(
    scored: int, fresh_engine: Engine, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> Export:
    """Runs the command; returns exit code and output."""
    url = fresh_engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", url)

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        status = cli.run(["export", *map(str, arguments)])
        written = capfdbinary.readouterr()
        return status, written.out.decode(), written.err.decode()

    return run


@pytest.mark.parametrize("ending", ["geojson", "csv", "parquet"])
def test_a_file_others_open(export: Export, scored: int, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"tiles.{ending}"
    status, out, err = export(path, *MODEL)
    assert (status, out) == (0, "")
    assert f"Wrote {path}: {scored:,} tiles" in err
    if ending == "parquet":
        found = geopandas.read_parquet(path)
    elif ending == "csv":
        found = pyogrio.read_dataframe(path)  # finds the column wkt by itself
    else:
        found = pyogrio.read_dataframe(path)
    assert len(found) == scored
    assert set(found.geometry.geom_type) == {"Polygon"}
    assert set(found["model"]) == {"pixel 1"}
    scores = found["score_road"].astype(float)
    assert scores.between(0, 1).all()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["imagery", path.name]


def test_where_nothing_was_classified_yet(
    fresh_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raster(tmp_path / "imagery" / "lake.tif", noise())
    found = store(fresh_engine, RasterSource("lake", str(path), str(path.parent), RasterOptions()))
    url = fresh_engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", url)
    monkeypatch.setattr(models, "load_classifier", lambda _settings: PixelClassifier())
    assert cli.run(["export", str(tmp_path / "tiles.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "tiles.csv").read_text().splitlines()))
    assert len(rows) == found.tiles
    assert {row["score_road"] for row in rows} == {""}


def test_standard_output(export: Export, scored: int) -> None:
    status, out, err = export("-", "--format", "csv", *MODEL)
    assert status == 0
    assert out.count("\r\n") == scored + 1
    assert "Wrote" not in err
    status, out, _ = export("-", "--format", "geojson", "--zoom", "1", *MODEL)
    assert json.loads(out) == {"type": "FeatureCollection", "features": []}


def test_longitudes_are_wrapped(export: Export, scored: int) -> None:
    everything = export("-", "--format", "csv", *MODEL)[1]
    assert everything.count("\r\n") == scored + 1
    for bounds in ("-190,-90,190,90", "365,40,375,55", "-355,40,-345,55"):
        assert export("-", "--format", "csv", "--bounds", bounds, *MODEL)[1] == everything
    elsewhere = export("-", "--format", "csv", "--bounds", "375,40,385,55", *MODEL)[1]
    assert elsewhere.count("\r\n") == 1


def test_a_polygon_out_of_a_file(export: Export, scored: int, tmp_path: Path) -> None:
    whole = tmp_path / "all.geojson"
    export(whole, *MODEL)
    features = json.loads(whole.read_text())["features"]
    outline = features[0]["geometry"]
    feature = {"type": "Feature", "properties": {}, "geometry": outline}
    for content in (outline, feature, {"type": "FeatureCollection", "features": [feature]}):
        file = tmp_path / "outline.json"
        file.write_text(json.dumps(content))
        for given in (str(file), json.dumps(content)):
            status, out, _ = export("-", "--format", "geojson", "--polygon", given, *MODEL)
            assert status == 0
            assert [f["id"] for f in json.loads(out)["features"]] == [features[0]["id"]]


def test_wrong_usage(export: Export, tmp_path: Path) -> None:
    path = tmp_path / "tiles.csv"
    two = json.dumps({"type": "FeatureCollection", "features": [{}, {}]})
    for arguments, status, complaint in (
        (["tiles"], 2, "say which kind of file"),
        (["-"], 2, "say which kind of file"),
        ([path, "--bounds", "1,2,3", *MODEL], 2, "bounds"),
        ([path, "--where", "{", *MODEL], 2, "where: it is not JSON"),
        ([path, "--polygon", tmp_path / "none.json", *MODEL], 2, "cannot be read"),
        ([path, "--polygon", "{", *MODEL], 2, "polygon is not JSON"),
        ([path, "--polygon", two, *MODEL], 2, "must have one feature"),
        ([path, "--scene", "moon", *MODEL], 2, "no scene is named 'moon'"),
        ([path, "--model", "moon"], 1, "no model 'moon'; the nearest is 'pixel 1'"),
        ([tmp_path / "none" / "tiles.csv", *MODEL], 2, "there is no folder"),
        ([os.devnull, "--format", "csv", *MODEL], 2, "is no file"),
    ):
        found, _, err = export(*arguments)
        assert (found, complaint in err) == (status, True), err
        assert "Traceback" not in err
    assert [p.name for p in tmp_path.iterdir()] == ["imagery"]


@contextmanager
def held_up(engine: Engine, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the command, and keep it waiting for the database after it has begun its file."""
    url = engine.url.render_as_string(hide_password=False)
    with engine.connect() as conn:
        conn.execute(text("LOCK TABLE tile_score IN ACCESS EXCLUSIVE MODE"))
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "export", str(path), *MODEL],
            cwd=PROJECT_ROOT,
            env={**os.environ, "EARTHGQL_DATABASE_URL": url},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                wait_for_lock(engine, process)
                yield process
                conn.rollback()
                process.wait(timeout=30)
            finally:
                process.kill()


def wait_for_lock(engine: Engine, process: subprocess.Popen[str]) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    deadline = time.monotonic() + 60
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        while not conn.scalar(waiting):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_midway_it_leaves_what_was_there(
    scored: int, fresh_engine: Engine, tmp_path: Path, how: signal.Signals
) -> None:
    path = tmp_path / "out" / "tiles.csv"
    path.parent.mkdir()
    path.write_text("before")
    with held_up(fresh_engine, path) as process:
        # The driver lets Python see an interrupt when the database has answered.
        process.send_signal(how)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert [p.name for p in path.parent.iterdir()] == ["tiles.csv"]
    assert path.read_text() == "before"


def test_a_database_that_stops_midway(scored: int, fresh_engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "out" / "tiles.geojson"
    path.parent.mkdir()
    with held_up(fresh_engine, path) as process:
        with fresh_engine.connect() as conn:
            conn.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            )
        err = process.communicate(timeout=30)[1]
    assert process.returncode == 1
    assert "Error: the database cannot be reached" in err
    assert "Traceback" not in err
    assert list(path.parent.iterdir()) == []
