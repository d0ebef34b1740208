import json
from pathlib import Path

import pytest
from support.keras2_files import LABELS, small_network, write_keras2

from earthgql.cli import run
from earthgql.models.bundle import Bundle, open_bundle, read_manifest


@pytest.fixture(autouse=True)
def var_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EARTHGQL_VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "400")
    return tmp_path / "var"


def test_import_of_the_predecessors_files_then_verify_then_list(
    tmp_path: Path,
    var_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = write_keras2(tmp_path / "old", small_network(), LABELS)
    new = var_dir / "models" / "forebear"
    monkeypatch.setattr("sys.argv", ["manage.py", "model", "import", str(old), str(new)])
    assert run(["model", "import", str(old), str(new), "--version", "2018"]) == 0
    assert "forebear 2018, Keras, 3 labels" in capsys.readouterr().out
    assert read_manifest(new).created_by == "manage.py model import old forebear"
    assert run(["model", "verify", str(new)]) == 0
    shown = capsys.readouterr().out
    assert "forebear 2018 is sound" in shown
    assert open_bundle(new).identity.sha256 in shown
    assert run(["model", "list"]) == 0
    assert "forebear" in capsys.readouterr().out
    assert run(["model", "import", str(old), str(new)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert read_manifest(new).version == "2018"


def test_import_of_a_keras_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_network(size=64).save(tmp_path / "net.keras")
    (tmp_path / "names.txt").write_text("clear primary\nwater\n")
    command = ["model", "import", str(tmp_path / "net.keras"), str(tmp_path / "new")]
    assert run(command) == 2
    assert "needs --labels and --scale" in capsys.readouterr().err
    names = ["--labels", str(tmp_path / "names.txt")]
    standard = ["--scale", "standard", "--mean", "0.4", "0.4", "0.3", "--std", "0.2", "0.2", "0.2"]
    assert run([*command, *names, *standard, "--full"]) == 0
    manifest = read_manifest(tmp_path / "new")
    assert manifest.input.spec.size == 64
    assert manifest.input.spec.mean == (0.4, 0.4, 0.3)
    assert manifest.weights.dtype == "float32"
    assert manifest.labels == LABELS


def test_export_of_weights_trained_here(resnet_bundle: Bundle, tmp_path: Path) -> None:
    weights = resnet_bundle.folder / "model.weights.h5"
    target = tmp_path / "mine"
    command = ["model", "export", str(weights), str(target), "--size", "64", "--version", "7"]
    assert run(command) == 0
    bundle = open_bundle(target)
    assert (bundle.manifest.name, bundle.manifest.version) == ("mine", "7")
    assert bundle.manifest.architecture == "ResNet50"
    assert all((bundle.arrays[p] == v).all() for p, v in resnet_bundle.arrays.items())


def test_verify_prints_what_is_wrong(
    resnet_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    manifest = json.loads((resnet_bundle.folder / "manifest.json").read_text())
    (broken / "manifest.json").write_text(json.dumps(manifest))
    (broken / "model.weights.h5").write_bytes(b"half a file")
    assert run(["model", "verify", str(broken)]) == 1
    assert "model.weights.h5 is damaged or was changed" in capsys.readouterr().err
    assert run(["model", "verify", str(tmp_path / "nothing")]) == 1
    assert "is no model bundle" in capsys.readouterr().err
