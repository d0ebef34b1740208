import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from earthgql.errors import ModelUnavailableError
from earthgql.models import load_classifier
from earthgql.models.bundle import Bundle, open_bundle
from earthgql.models.engines.openvino import runtime
from earthgql.models.engines.openvino.classifier import OpenVINOClassifier
from earthgql.models.engines.tensorflow.classifier import TensorFlowClassifier
from earthgql.models.protocol import classify_all
from earthgql.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.skipif(not runtime.is_installed(), reason="needs OpenVINO")

ANSWER = """
import json, os, sys
def watch(event, arguments):
    if event == "socket.connect":
        print("connects to", arguments, file=sys.stderr)
        os._exit(3)
sys.addaudithook(watch)
import numpy as np
from earthgql.models import load_classifier
from earthgql.models.protocol import classify_all
from earthgql.settings import load_settings
classifier = load_classifier(load_settings())
classifier.warm_up()
pixels = np.arange(5 * 256 * 256 * 3, dtype=np.uint32).reshape(5, 256, 256, 3).astype(np.uint8)
heavy = [name for name in ("tensorflow", "keras", "h5py") if name in sys.modules]
print(json.dumps([classify_all(classifier, pixels).tolist(), heavy]))
"""


def on_openvino(bundle: Bundle, var_dir: Path, **settings: object) -> Settings:
    return Settings(
        **{"bundle": bundle.folder, "var_dir": var_dir, "engine": "openvino"} | settings
    )


@pytest.fixture(scope="module", params=["resnet_bundle", "small_bundle"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    found: Bundle = request.getfixturevalue(request.param)
    return found


def test_scores_are_those_of_tensorflow(
    bundle: Bundle, networks_dir: Path, telling_pictures: np.ndarray
) -> None:
    expected = classify_all(TensorFlowClassifier(open_bundle(bundle.folder)), telling_pictures)
    classifier = load_classifier(on_openvino(bundle, networks_dir, precision="f32"))
    scores = classify_all(classifier, telling_pictures)
    assert scores.dtype == np.float32
    assert np.abs(scores - expected).max() < 1e-3
    assert scores.std(axis=0).max() > 0.02, "pictures must make a difference for this to tell"
    assert classifier.identity == bundle.identity


@pytest.mark.parametrize("batch_size", [1, 5])
def test_any_number_of_tiles_up_to_the_batch_size_may_be_started(
    small_bundle: Bundle, networks_dir: Path, telling_pictures: np.ndarray, batch_size: int
) -> None:
    settings = on_openvino(small_bundle, networks_dir, batch_size=batch_size, precision="f32")
    classifier = load_classifier(settings)
    assert classifier.batch_size == batch_size
    all_scores = classify_all(classifier, telling_pictures)
    for count in range(batch_size + 1):
        scores = classifier.start(telling_pictures[:count]).result().scores
        assert scores.shape == (count, 17)
        assert np.abs(scores - all_scores[:count]).max(initial=0) < 1e-6


def test_batches_are_of_one_tile_at_f32_and_of_four_where_a_pass_is_faster(
    small_bundle: Bundle, networks_dir: Path
) -> None:
    slow = load_classifier(on_openvino(small_bundle, networks_dir, precision="f32"))
    fast = load_classifier(on_openvino(small_bundle, networks_dir, precision="auto"))
    assert isinstance(fast, OpenVINOClassifier)
    assert slow.batch_size == 1
    assert fast.batch_size == {"f32": 1, "bf16": 4}[fast.precision]
    told = load_classifier(on_openvino(small_bundle, networks_dir, precision="f32", batch_size=3))
    assert slow.parallel == 2 * told.parallel, "of larger batches none waits inside the engine"
    told.warm_up()
    assert told.start(np.zeros((3, 256, 256, 3), np.uint8)).result().scores.shape == (3, 17)


def test_a_batch_of_wrong_pixels_fails_alone(
    small_bundle: Bundle, networks_dir: Path, telling_pictures: np.ndarray
) -> None:
    classifier = load_classifier(on_openvino(small_bundle, networks_dir))
    wrong = classifier.start(telling_pictures[:1, :, :, :1])
    right = classifier.start(telling_pictures[:1])
    assert wrong.exception() is not None
    assert right.result().scores.shape == (1, 17)


def test_serving_loads_no_tensorflow_writes_and_sends_nothing(
    small_bundle: Bundle, networks_dir: Path, tmp_path: Path
) -> None:
    # OpenVINO's telemetry would write a number into the home folder and send it.
    load_classifier(on_openvino(small_bundle, networks_dir))
    (tmp_path / "home").mkdir()
    scores, heavy = _answers([_started(small_bundle, networks_dir, HOME=str(tmp_path / "home"))])[0]
    assert np.shape(scores) == (5, 17)
    assert heavy == []
    assert list((tmp_path / "home").iterdir()) == []


def test_processes_that_start_together_convert_once(small_bundle: Bundle, tmp_path: Path) -> None:
    started = [_started(small_bundle, tmp_path) for _ in range(2)]
    first, second = (scores for scores, _ in _answers(started))
    assert first == second
    folders = [path for path in (tmp_path / "networks").iterdir() if path.is_dir()]
    assert len(folders) == 1
    made = (folders[0] / "network.bin").stat()
    # What was half made when a process was killed, and what was damaged since.
    (tmp_path / "networks" / f".new-0-{folders[0].name}").mkdir()
    (folders[0] / "network.bin").write_bytes(b"")
    # What other versions of OpenVINO and of the conversion left goes; what else there is stays.
    name = folders[0].name
    others = [name.replace("-openvino-", f"-openvino-{old}") for old in ("2020", "2021")]
    others.append(name.rpartition("-")[0])  # as conversions were kept before they had a number
    kept = [name.partition("-openvino-")[0] + "-int8", "f" * 16 + "-openvino-2020.1"]
    for other in (*others, *kept):
        (tmp_path / "networks" / other).mkdir()
        (tmp_path / "networks" / other / "network.bin").write_bytes(b"")
    assert _answers([_started(small_bundle, tmp_path)])[0][0] == first
    assert (folders[0] / "network.bin").stat().st_size == made.st_size
    left = [path.name for path in (tmp_path / "networks").iterdir() if path.is_dir()]
    assert sorted(left) == sorted([name, *kept])


def test_where_nothing_can_be_kept_it_answers_all_the_same(
    small_bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch
) -> None:
    (tmp_path / "var").write_text("no folder")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    classifier = load_classifier(on_openvino(small_bundle, tmp_path / "var"))
    assert isinstance(classifier, OpenVINOClassifier)
    classifier.warm_up()
    assert "the network is not kept" in caplog.text
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_changed_bundle_is_refused(
    small_bundle: Bundle, networks_dir: Path, tmp_path: Path
) -> None:
    for name in ("manifest.json", "model.weights.h5", "architecture.json"):
        (tmp_path / name).write_bytes((small_bundle.folder / name).read_bytes())
    with (tmp_path / "model.weights.h5").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelUnavailableError, match="damaged or was changed"):
        load_classifier(Settings(bundle=tmp_path, var_dir=networks_dir))


def test_what_openvino_cannot_run_runs_on_tensorflow_unless_openvino_is_set(
    small_bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch
) -> None:
    # In the process that converts, Keras then has no TensorFlow to run on.
    (tmp_path / "tensorflow.py").write_text("raise ImportError('no TensorFlow here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("earthgql.models.engines.openvino.networks.PROJECT_ROOT", tmp_path)
    (tmp_path / "earthgql").symlink_to(PROJECT_ROOT / "earthgql")
    with pytest.raises(ModelUnavailableError, match=r"small.*no TensorFlow here"):
        load_classifier(on_openvino(small_bundle, tmp_path / "var"))
    settings = on_openvino(small_bundle, tmp_path / "var", engine="auto")
    assert isinstance(load_classifier(settings), TensorFlowClassifier)
    assert "TensorFlow runs it instead" in caplog.text


def test_a_precision_that_is_not_to_be_had_is_an_error(
    small_bundle: Bundle, networks_dir: Path
) -> None:
    remedy = r"has no 8-bit network yet: run manage.py model optimize .*small --int8"
    with pytest.raises(ModelUnavailableError, match=remedy):
        load_classifier(on_openvino(small_bundle, networks_dir, engine="auto", precision="int8"))
    settings = on_openvino(small_bundle, networks_dir, precision="bf16")
    if runtime.has_bf16():
        classifier = load_classifier(settings)
        assert isinstance(classifier, OpenVINOClassifier)
        assert classifier.precision == "bf16"
    else:
        with pytest.raises(ModelUnavailableError, match="has no bf16"):
            load_classifier(settings)


def _started(bundle: Bundle, var_dir: Path, **environment: str) -> subprocess.Popen[str]:
    settings = {"BUNDLE": bundle.folder, "VAR_DIR": var_dir, "ENGINE": "openvino"}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", ANSWER],
        cwd=PROJECT_ROOT,
        env={**os.environ, **{f"EARTHGQL_{k}": str(v) for k, v in settings.items()}, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _answers(processes: list[subprocess.Popen[str]]) -> list[list]:
    answers = []
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        answers.append(json.loads(out))
    return answers
