"""Training for real, on 16 tiny pictures: killed, gone on with, exported, tuned and measured."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earthgql import cli
from earthgql.settings import PROJECT_ROOT

LABELS = ("red", "blue")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    rng, rows = np.random.default_rng(1), ["image,tags,split"]
    for number in range(32):
        tags = [label for label, bit in zip(LABELS, (1, 2), strict=True) if number & bit]
        noise = rng.integers(0, 90, (256, 256, 3), dtype=np.uint8)
        noise[..., ::2] += np.array([(tag in tags) * 160 for tag in LABELS], np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
        split = "train" if number < 16 else "validation" if number < 24 else "test"
        rows.append(f"{number}.png,{' '.join(tags)},{split}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


def command(*arguments: object) -> list[str]:
    return [sys.executable, str(PROJECT_ROOT / "manage.py"), "model", *map(str, arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONWARNINGS": "ignore", "TF_NUM_INTRAOP_THREADS": "2"}


def run(*arguments: object) -> None:
    assert cli.run(["model", *map(str, arguments)]) == 0


def kill_once_there(arguments: Sequence[str], sign: Path, log: Path) -> None:
    """Kill a command with the signal that cannot be caught, as soon as a file is there."""
    with log.open("w") as file:
        process = subprocess.Popen(arguments, env=environment(), stdout=file, stderr=file)
        try:
            while not sign.exists() and process.poll() is None:
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, log.read_text()


def test_a_killed_run_goes_on_and_its_model_can_be_exported_tuned_and_measured(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, bundle = tmp_path / "run", tmp_path / "bundle"
    data = ("--data", pictures, "--format", "folder")
    train = ("train", *data, "--out", folder, "--epochs", 2, "--batch", 8, "--sizes", 32)
    kill_once_there(command(*train), folder / "checkpoint-00000002", tmp_path / "log")
    assert not (folder / "model.weights.h5").exists()

    run(*train)
    said = capsys.readouterr()
    assert "epoch 1/2" not in said.err
    assert "2 epochs" in said.out
    history = json.loads((folder / "history.json").read_text())
    assert [(row["epoch"], row["step"]) for row in history] == [(1, 2), (2, 4)]

    export = said.out.split("manage.py model ")[1].split()
    run(*(bundle if word == "BUNDLE" else word for word in export))
    run("thresholds", bundle, *data, "--calibrate", "temperature")
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["labels"] == sorted(LABELS)
    assert len(manifest["thresholds"]) == len(manifest["calibration"]["temperature"]) == 2

    run("evaluate", bundle, *data, "--json", tmp_path / "e.json", "--report", tmp_path / "report")
    result = json.loads((tmp_path / "e.json").read_text())
    assert result["pictures"] == 8
    assert 0 <= result["f2"] <= 1
    assert result["baselines"]["colour_f2"] > result["baselines"]["constant_f2"]
    files = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert files == [
        *("evaluation.json", "precision-recall.png", "reliability.png", "report.md"),
        *("scores.png", "worst.png"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--data", "nowhere", "--format", "planet"), 1, "there is no folder nowhere"),
        (("--data", "nowhere"), 2, "--data nowhere does not go with --format generated"),
        (("--data", "generated", "--sizes", "a"), 2, "'a' is not such a list"),
        (("--data", "generated", "--depths", "deep"), 2, "'deep' is not such a list"),
        (("--data", "generated", "--sizes", "64,96", "--shares", "1"), 2, "equally many parts"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        command("train", "--out", tmp_path / "run", *arguments),
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
