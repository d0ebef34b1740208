import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from earthgql.cli.model import engines
from earthgql.cli.model.engines import _accept
from earthgql.cli.model.group import model
from earthgql.errors import ModelUnavailableError
from earthgql.models import load_classifier
from earthgql.models.bundle import Bundle, open_bundle, update_manifest
from earthgql.models.engines.openvino import runtime
from earthgql.models.engines.openvino.networks import INT8_FOLDER, float_network, read_network
from earthgql.models.engines.openvino.quantization import quantize
from earthgql.models.protocol import classify_all
from earthgql.settings import Settings
from earthgql.training.measure.engine_comparison import Measured

pytestmark = pytest.mark.skipif(not runtime.is_installed(), reason="needs OpenVINO")


@pytest.fixture(scope="module")
def quantized(
    small_bundle: Bundle, networks_dir: Path, tmp_path_factory, telling_pictures: np.ndarray
) -> Bundle:
    """A copy of the small bundle with an 8-bit network in it."""
    pytest.importorskip("nncf", reason="needs the extra int8")
    folder = _copied(small_bundle, tmp_path_factory.mktemp("bundles"))
    (folder / INT8_FOLDER).mkdir()
    manifest = small_bundle.manifest
    with float_network(folder, manifest, networks_dir) as network:
        quantize(network, manifest, telling_pictures, folder / INT8_FOLDER)
    return open_bundle(folder)


def test_an_8_bit_network_is_a_model_of_its_own_that_scores_alike(
    quantized: Bundle, networks_dir: Path, telling_pictures: np.ndarray
) -> None:
    settings = Settings(bundle=quantized.folder, var_dir=networks_dir, precision="int8")
    made = load_classifier(settings)
    plain = load_classifier(settings.model_copy(update={"precision": "f32"}))
    scores, exact = (classify_all(c, telling_pictures) for c in (made, plain))
    assert not np.array_equal(scores, exact)
    # A network of two layers forgives little: wrong channels or scaling would leave no likeness.
    assert np.corrcoef(scores.ravel(), exact.ravel())[0, 1] > 0.95
    assert plain.identity == quantized.identity
    assert made.identity.version == "1+int8"
    assert made.identity.sha256 != plain.identity.sha256
    assert made.identity.labels == plain.identity.labels
    assert (made.batch_size, plain.batch_size) == (4, 1)


def test_its_measurement_is_written_with_it_if_it_is_good_enough(quantized: Bundle) -> None:
    manifest, folder = quantized.manifest, quantized.folder / INT8_FOLDER
    made = read_network(folder, manifest)
    assert made is not None
    before = made.identity(manifest)
    with pytest.raises(ModelUnavailableError, match=r"falls from 0.9000 to 0.8940.*nothing was"):
        _accept([_measured(0.9, 10), _measured(0.894, 30)], manifest, made)
    assert "f2" not in json.loads((folder / "about.json").read_text())["report"]
    _accept([_measured(0.9, 10), _measured(0.896, 30)], manifest, made)
    again = read_network(folder, manifest)
    assert again is not None
    assert again.report["speed_up"] == 3
    assert again.identity(manifest) == before


def test_the_command_writes_a_network_only_if_it_is_good_enough(
    small_bundle: Bundle, networks_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("nncf", reason="needs the extra int8")
    monkeypatch.setenv("EARTHGQL_VAR_DIR", str(networks_dir))
    folder, file = _copied(small_bundle, tmp_path), tmp_path / "optimize.json"
    command = ["optimize", str(folder), "--int8", "--calibrate", "10", "--chips", "8"]

    def optimize(allowed: float) -> Result:
        monkeypatch.setattr(engines, "ALLOWED_LOSS", allowed)
        return CliRunner().invoke(model, [*command, "--json", str(file)])

    refused = optimize(-1.0)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, ModelUnavailableError)
    assert "nothing was written" in str(refused.exception)
    assert not file.exists()
    assert not (folder / INT8_FOLDER).exists()

    # Of eight chips and a network of two layers a loss says nothing about the limit.
    done = optimize(1.0)
    assert done.exit_code == 0, done.output
    assert f"{folder / INT8_FOLDER} is used with EARTHGQL_PRECISION=int8" in done.output
    made = read_network(folder / INT8_FOLDER, small_bundle.manifest)
    assert made is not None
    told = json.loads(file.read_text())
    before, after = (row["f2"] for row in told["engines"])
    assert [row["name"] for row in told["engines"]] == ["openvino", "openvino int8"]
    assert told["pictures"] == 8
    assert (made.report["f2_before"], made.report["f2"]) == (before, after)
    assert made.report["calibrated_on"] == 10
    assert f"F2 changes by {after - before:+.4f}" in done.output

    kept = {path.name: path.read_bytes() for path in (folder / INT8_FOLDER).iterdir()}
    assert optimize(-1.0).exit_code == 1
    assert {p.name: p.read_bytes() for p in (folder / INT8_FOLDER).iterdir()} == kept
    assert not list(folder.glob(".new-*"))


def test_what_was_made_of_another_calibration_is_refused(
    quantized: Bundle, networks_dir: Path
) -> None:
    manifest = quantized.manifest
    update_manifest(quantized.folder, calibration=None)
    settings = Settings(bundle=quantized.folder, var_dir=networks_dir, precision="int8")
    try:
        with pytest.raises(ModelUnavailableError, match=r"another bundle: run manage.py model opt"):
            load_classifier(settings)
    finally:
        update_manifest(quantized.folder, calibration=manifest.calibration)


def test_engines_are_compared(
    quantized: Bundle, networks_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARTHGQL_VAR_DIR", str(networks_dir))
    file = tmp_path / "parity.json"
    done = CliRunner().invoke(
        model, ["parity", str(quantized.folder), "--chips", "6", "--json", str(file)]
    )
    assert done.exit_code == 0, done.output
    rows = {row["name"]: row for row in json.loads(file.read_text())["engines"]}
    assert {"tensorflow f32", "openvino f32", "openvino int8"} <= set(rows)
    assert rows["tensorflow f32"]["largest_difference"] == 0
    assert rows["openvino f32"]["largest_difference"] < 1e-3
    assert rows["openvino int8"]["largest_difference"] > 0
    assert "tensorflow f32" in done.output


def test_without_nncf_the_error_names_the_remedy(
    small_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name != "nncf" and found(name))
    done = CliRunner().invoke(model, ["optimize", str(small_bundle.folder), "--int8"])
    assert done.exit_code == 1
    assert "make setup-dev" in str(done.exception)


def _copied(bundle: Bundle, place: Path) -> Path:
    folder = place / "small"
    folder.mkdir()
    for path in bundle.folder.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _measured(f2: float, rate: float) -> Measured:
    return Measured("x", f2, 0.0, 0.0, rate)
