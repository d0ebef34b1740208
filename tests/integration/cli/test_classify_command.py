import dataclasses
import os
import signal
import subprocess
import sys
from textwrap import dedent

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from support.pixel_classifier import PIXEL_IDENTITY, PixelClassifier

from earthgql import cli
from earthgql.cli.classify import run as classify_run
from earthgql.errors import ModelUnavailableError
from earthgql.imagery.grid import TileIndex, tile_bounds
from earthgql.settings import PROJECT_ROOT


@pytest.fixture
def classify(place, monkeypatch, capsys):
    """Runs the command on the six tiles, with a quick model; returns exit code and output."""
    url = place.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", url)

    def run(*arguments: str, classifier: PixelClassifier | None = None):
        model = classifier or PixelClassifier()
        monkeypatch.setattr(classify_run, "load_classifier", lambda _settings: model)
        status = cli.run(["classify", *arguments])
        written = capsys.readouterr()
        return status, written.out, written.err

    return run


def test_all_tiles_are_classified_once_and_again_is_nothing_to_do(place, classify) -> None:
    classifier = PixelClassifier()
    status, out, err = classify("--all", classifier=classifier)
    assert status == 0
    assert "pixel 1: 6 tiles, 0 stored already" in out
    assert "6 done, 0 already there, 0 failed" in out
    assert "6/6" in err
    assert place.count("tile_score") == 6
    status, out, _ = classify("--all", "--zoom", "14", classifier=classifier)
    assert status == 0
    assert "0 done, 6 already there, 0 failed" in out
    assert classifier.tiles == 6


def test_only_the_chosen_tiles_are_classified(place, classify) -> None:
    first, last = (tile_bounds(TileIndex(14, 5000 + x, 8000)) for x in (1, 2))
    bounds = f"{first.west},{first.south},{last.east},{last.north}"
    status, out, _ = classify("--bounds", bounds)
    assert status == 0
    assert "pixel 1: 2 tiles" in out, "neighbours that only touch are not meant"
    with place.engine.connect() as conn:
        assert sorted(conn.scalars(text("SELECT tile_id FROM tile_score"))) == place.ids[1:3]
    assert "0 tiles" in classify("--scene", "plain", "--zoom", "13")[1]
    assert "0 tiles" in classify("--bounds", "10,86,20,89")[1]
    assert "6 tiles, 2 stored already" in classify("--scene", "plain")[1]
    assert place.count("tile_score") == 6


def test_longitudes_are_wrapped(place, classify) -> None:
    first, last = (tile_bounds(TileIndex(14, 5000 + x, 8000)) for x in (1, 2))
    bounds = f"{first.west + 360},{first.south},{last.east + 360},{last.north}"
    assert "pixel 1: 2 tiles" in classify("--bounds", bounds)[1]
    assert "pixel 1: 6 tiles" in classify("--bounds", "-190,-85,190,85")[1]
    with place.engine.connect() as conn:
        assert sorted(conn.scalars(text("SELECT tile_id FROM tile_score"))) == place.ids
    status, _, err = classify("--bounds", "0,0,541,1")
    assert status == 2
    assert "east must be between -540 and 540, not 541" in err


def test_scores_that_cannot_be_stored_end_it(place, classify, capsys) -> None:
    with place.engine.begin() as conn:
        conn.execute(text("ALTER TABLE tile_score ADD CONSTRAINT full_up CHECK (tile_id < 0)"))
    with pytest.raises(IntegrityError, match="full_up"):
        classify("--all")
    assert "0 tiles were stored; the same command continues" in capsys.readouterr().err


def test_a_box_across_the_antimeridian(classify) -> None:
    assert "0 tiles" in classify("--bounds", "179,-1,-179,1")[1]


def test_wrong_usage_is_an_error(classify) -> None:
    for arguments, complaint in (
        ([], "say which tiles"),
        (["--all", "--scene", "plain"], "leave it, or the others, out"),
        (["--bounds", "1,2,3"], "is not WEST,SOUTH,EAST,NORTH"),
        (["--bounds", "0,50,1,40"], "south"),
        (["--scene", "moon"], "no scene is named 'moon'"),
    ):
        status, _, err = classify(*arguments)
        assert status == 2
        assert complaint in err


def test_failures_are_printed_with_reasons_and_the_others_are_done(place, classify) -> None:
    place.files[1].write_bytes(b"torn")
    place.files[4].unlink()
    status, out, err = classify("--all")
    assert status == 1
    assert "4 done, 0 already there, 2 failed" in out
    assert "IMAGE_UNREADABLE: 2" in err
    assert f"tile {place.ids[1]}: " in err
    assert place.count("tile_score") == 4


def test_a_missing_model_is_one_error(place, classify, monkeypatch) -> None:
    class Absent(PixelClassifier):
        def scores(self, pixels):
            raise ModelUnavailableError("the weights do not fit")

    status, out, err = classify("--all", classifier=Absent())
    assert status == 1
    assert "0 done, 0 already there, 6 failed" in out
    assert "MODEL_UNAVAILABLE: 6" in err


def test_a_new_version_starts_empty_and_keeps_the_scores_of_the_old(place, classify) -> None:
    classify("--all")
    new = PixelClassifier(dataclasses.replace(PIXEL_IDENTITY, version="2", sha256="f" * 64))
    status, out, _ = classify("--all", classifier=new)
    assert status == 0
    assert "pixel 2: 6 tiles, 0 stored already" in out
    with place.engine.connect() as conn:
        query = """SELECT m.version, count(*) FROM tile_score k JOIN model m ON m.id = k.model_id
                    GROUP BY 1 ORDER BY 1"""
        assert [tuple(row) for row in conn.execute(text(query))] == [("1", 6), ("2", 6)]
    assert "0 done, 6 already there" in classify("--all")[1]


def test_many_chunks_and_interruption_keep_what_was_done(place, monkeypatch) -> None:
    script = f"""
        import signal, sys, time
        # Whoever runs the tests in the background may ignore it, and children inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.path.insert(0, {str(PROJECT_ROOT / "tests")!r})
        from support.pixel_classifier import PixelClassifier
        from earthgql import cli
        from earthgql.cli.classify import run as classify_run

        class Telling(PixelClassifier):
            def scores(self, pixels):
                if sum(self.submissions) >= 3:
                    print("go", flush=True)
                    time.sleep(5)  # long enough for the signal to come in the middle
                return super().scores(pixels)

        classify_run.CHUNK = 2
        classify_run.load_classifier = lambda _: Telling(batch_size=1)
        cli.main(["classify", "--all"])
    """
    url = place.engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-c", dedent(script)],
        env={**os.environ, "EARTHGQL_DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "0 stored already" in process.stdout.readline()
    assert process.stdout.readline() == "go\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in err
    assert "Traceback" not in err
    kept = place.count("tile_score")
    assert f"{kept} tiles were stored; the same command continues" in err
    assert 2 <= kept < 6
    monkeypatch.setenv("EARTHGQL_DATABASE_URL", url)
    monkeypatch.setattr(classify_run, "CHUNK", 1)
    classifier = PixelClassifier()
    monkeypatch.setattr(classify_run, "load_classifier", lambda _: classifier)
    assert cli.run(["classify", "--all"]) == 0
    assert classifier.tiles == 6 - kept
    assert place.count("tile_score") == 6
