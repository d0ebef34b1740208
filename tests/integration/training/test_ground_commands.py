"""Pictures on real ground through the command line: trained on, tuned with, compared on."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earthgql import cli
from earthgql.models.bundle import read_manifest
from earthgql.training.ground import AREAS
from earthgql.training.material import pool


def forest(width: int, height: int) -> Image.Image:
    """Grainy green, the same 64 x 64 pixels again and again."""
    grain = np.random.default_rng(1).normal((43, 57, 49), 6, (64, 64, 3)).clip(0, 255)
    repeats = (-(-height // 64), -(-width // 64), 1)
    return Image.fromarray(np.tile(grain.astype(np.uint8), repeats)[:height, :width])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture of forest for every real one whose areas were drawn."""
    folder = tmp_path_factory.mktemp("data")
    strips = folder / "planet_scenes" / "strips"
    strips.mkdir(parents=True)
    for file in AREAS.glob("*.json"):
        drawn = json.loads(file.read_text())
        forest(drawn["width"], drawn["height"]).save(strips.parent / drawn["image"])
    for strip in json.loads(pool._STRIPS.read_text()):
        corners = [ring for area in strip["areas"] for ring in area["rings"]]
        width = max((max(ring[::2]) for ring in corners), default=600)
        height = max((max(ring[1::2]) for ring in corners), default=600)
        forest(max(width, 300), max(height, 300)).save(strips / strip["image"])
    return folder


def test_a_network_learns_on_real_ground_and_is_tuned_and_compared_there(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EARTHGQL_VAR_DIR", str(tmp_path / "var"))
    run_folder, bundle = tmp_path / "run", tmp_path / "bundle"
    data = ("--data", pictures, "--format", "ground")

    def run(*arguments: object, code: int = 0) -> tuple[str, str]:
        assert cli.run(["model", *map(str, arguments)]) == code
        return capsys.readouterr()

    out, err = run(
        *("train", *data, "--out", run_folder, "--chips", "8,6", "--epochs", 1),
        *("--batch", 8, "--sizes", 32, "--exclusive", "clear,partly_cloudy,cloudy,haze"),
    )
    assert "8 pictures to train on, 8 to validate on" in err
    assert len(list((tmp_path / "var" / "ground").glob("*/*.npz"))) == 3

    export = out.split("manage.py model ")[1].split()
    run(*(bundle if word == "BUNDLE" else word for word in export))
    _, err = run("thresholds", bundle, *data, "--chips", 60, "--calibrate", "grouped")
    assert "Make pictures" not in err
    manifest = read_manifest(bundle)
    assert manifest.calibration is not None
    assert manifest.calibration.type == "grouped"
    assert [manifest.labels[k] for k in manifest.calibration.exclusive] == [
        *("clear", "partly_cloudy", "cloudy", "haze")
    ]
    assert len(set(manifest.thresholds[4:])) == 1

    few = ("--chips", 64, "--components", 4, "--false-alarms", 0.1)
    run("domain", bundle, *data, *few)
    assert read_manifest(bundle).domain is not None
    run("parity", bundle, *data, "--chips", 6, "--json", tmp_path / "parity.json")
    parity = json.loads((tmp_path / "parity.json").read_text())
    assert parity["pictures"] == 8
    assert 0 < parity["engines"][0]["f2"] <= 1

    _, err = run("evaluate", bundle, *data, code=2)
    assert "model parity" in " ".join(err.split())


def test_a_folder_without_the_scenes_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EARTHGQL_VAR_DIR", str(tmp_path / "var"))
    data = ("--data", tmp_path, "--format", "ground")
    arguments = ("train", *data, "--out", tmp_path / "run", "--chips", "8,6")
    assert cli.run(["model", *map(str, arguments)]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "the scene cannot be read" in said
