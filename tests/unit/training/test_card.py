import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earthgql import cli
from earthgql.errors import TrainingError
from earthgql.models.manifest import Domain, Manifest, ModelInput
from earthgql.models.preprocess import InputSpec
from earthgql.training.data.samples import ArraySamples
from earthgql.training.measure.baselines import Baselines
from earthgql.training.measure.card import model_card, read_account, read_evaluation
from earthgql.training.measure.evaluation import measure

LABELS = ("forest", "road")


def manifest() -> Manifest:
    fields = {
        "name": "amazon",
        "version": "1.0.0",
        "architecture": "ResNet50",
        "labels": LABELS,
        "thresholds": (0.2, 0.4),
        "input": ModelInput.of(InputSpec(128)),
        "output": {"shape": (-1, 2)},
        "weights": {"dtype": "float16"},
        "checksums": {"model.weights.h5": "0" * 64},
    }
    return Manifest.model_validate(fields)


@pytest.fixture
def result(tmp_path: Path) -> dict[str, Any]:
    """What was measured; it lies in ``evaluation.json``, with an ``account.json`` beside it."""
    rng = np.random.default_rng(1)
    truth = (rng.random((50, 2)) < 0.5).astype("u1")
    samples = ArraySamples(LABELS, truth, [""] * 50, np.zeros((50, 1, 1, 3), np.uint8))
    scores = np.clip(truth * 0.5 + rng.random((50, 2)) * 0.5, 0, 1).astype("f4")
    result = measure(samples, scores, (0.2, 0.4), Baselines(0.5, ("forest",), 0.6))
    here = {"name": "Made", "licence": "MIT", "attribution": "us", "use": "all", "elsewhere": False}
    fetched = {**here, "name": "Land Use", "address": "https://example.org/land"}
    fetched |= {"licence": "CC BY 4.0", "attribution": "A. Person", "use": "fun", "elsewhere": True}
    fields = {
        "commands": ["python manage.py model train --data generated --out run"],
        "seed": 7,
        "hours": 1.25,
        "machine": "2 cores",
        "sources": [here, fetched],
        "measured_on": "50 pictures",
        "limits": ["Blind at night."],
        "forbidden": ["jailing people"],
    }
    (tmp_path / "account.json").write_text(json.dumps(fields))
    (tmp_path / "evaluation.json").write_text(json.dumps(result))
    return result


def test_card_tells_all_that_matters(tmp_path: Path, result: dict[str, Any]) -> None:
    account = read_account(tmp_path / "account.json")
    read = read_evaluation(tmp_path / "evaluation.json")
    card = model_card(manifest(), read, account, {"At night": read})
    for text in (
        "# amazon 1.0.0",
        f"F2 **{result['f2']:.4f}**",
        "logistic regression on colour means and deviations F2 0.6000",
        "| road |",
        "### At night",
        "python manage.py model train --data generated --out run",
        "Seed 7; 1.2 hours",
        "| Land Use | https://example.org/land | CC BY 4.0 | A. Person | fun |",
        "Not in this repository, and needed by these commands: Land Use.",
        "* Blind at night.",
        "* jailing people",
    ):
        assert text in card


def test_card_tells_what_distances_are_from(tmp_path: Path, result: dict[str, Any]) -> None:
    account = read_account(tmp_path / "account.json")
    about = {"components": 64, "pictures": 1500, "limit_pictures": 700, "false_alarm_rate": 0.01}
    tested = {"test_pictures": 800, "test_false_alarm_rate": 0.0169}
    domain = Domain.model_validate({**about, **tested})
    card = model_card(manifest().model_copy(update={"domain": domain}), result, account)
    assert (
        "from 1,500 training pictures; above 1 are at most 1.0% of 700 validation and 1.7%" in card
    )
    assert "distances are from" not in model_card(manifest(), result, account)


@pytest.mark.usefixtures("result")
def test_a_card_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bundle" / "MODEL_CARD.md").mkdir(parents=True)
    (tmp_path / "bundle" / "manifest.json").write_text(manifest().model_dump_json())
    read = [f"--{name}={tmp_path / name}.json" for name in ("account", "evaluation")]
    assert cli.run(["model", "card", str(tmp_path / "bundle"), *read]) == 2
    assert "MODEL_CARD.md is no file" in capsys.readouterr().err


def test_an_account_that_leaves_something_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "account.json").write_text('{"seed": 1}')
    with pytest.raises(TrainingError, match=r"account\.json is no account of a model.*forbidden"):
        read_account(tmp_path / "account.json")


def test_another_file_is_no_evaluation(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("{}")
    with pytest.raises(TrainingError, match="lacks f2"):
        read_evaluation(tmp_path / "e.json")
