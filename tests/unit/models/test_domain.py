"""Distances from the training material: fitted by the command, answered by every engine."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earthgql.cli import run
from earthgql.errors import ModelUnavailableError, TrainingError
from earthgql.files import whole_file
from earthgql.models import load_classifier
from earthgql.models.bundle import Bundle, open_bundle, write_domain
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.engines.keras.import_export import export_model
from earthgql.models.engines.openvino import runtime
from earthgql.models.engines.openvino.networks import INT8_FOLDER, float_network
from earthgql.models.engines.openvino.quantization import quantize
from earthgql.models.engines.tensorflow.classifier import TensorFlowClassifier
from earthgql.models.preprocess import InputSpec
from earthgql.models.protocol import Predictions, classify_all, predict_all
from earthgql.settings import Settings
from earthgql.training.measure.domain import beyond, distances, fit_domain

COUNTS = {"train": 80, "validation": 60, "test": 10}


def forest(count: int, seed: int) -> np.ndarray:
    """Green pictures of blocks of several sizes: what the network was trained on."""
    rng = np.random.default_rng(seed)
    made = np.zeros((count, 256, 256, 3), np.uint8)
    for picture in made:
        side = int(rng.choice([8, 16, 32]))
        shade = rng.normal(0, 12, (256 // side, 256 // side, 1)) + rng.normal(0, 6)
        blocks = np.array([50, 90, 40]) + shade
        picture[:] = np.clip(blocks, 0, 255).repeat(side, axis=0).repeat(side, axis=1)
    return made


def strange(count: int) -> np.ndarray:
    """Pictures of any colours."""
    return np.random.default_rng(9).integers(0, 256, (count, 256, 256, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A network of two convolutions and 24 pooled features, without statistics."""
    keras = keras_model.keras_module()
    keras.utils.set_random_seed(8)
    pixels = keras.Input((64, 64, 3))
    inner = keras.layers.Conv2D(12, 5, strides=2, activation="relu")(pixels)
    inner = keras.layers.Conv2D(24, 3, strides=2, activation="relu")(inner)
    inner = keras.layers.GlobalAveragePooling2D()(inner)
    network = keras.Model(pixels, keras.layers.Dense(2, activation="sigmoid")(inner))
    folder = tmp_path_factory.mktemp("bundles") / "plain"
    about = {"name": "small", "version": "1", "labels": ("clear", "water")}
    return export_model(network, folder, **about, spec=InputSpec(64))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the format "folder"."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    rows = ["image,tags,split"]
    for seed, (split, count) in enumerate(COUNTS.items()):
        for number, pixels in enumerate(forest(count, seed)):
            Image.fromarray(pixels).save(folder / f"{split}-{number}.png")
            rows.append(f"{split}-{number}.png,clear,{split}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def bundle(plain: Bundle, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The same network with statistics, by the command."""
    folder = copied(plain.folder, tmp_path_factory.mktemp("bundles") / "small")
    options = ["--components", "8", "--false-alarms", "0.05", "--version", "2"]
    command = ["model", "domain", str(folder), "--data", str(pictures), "--format", "folder"]
    assert run([*command, *options]) == 0
    return open_bundle(folder)


def test_the_command_writes_statistics_into_the_bundle(
    bundle: Bundle, plain: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    domain = bundle.manifest.domain
    assert domain is not None
    assert (domain.pictures, domain.limit_pictures, domain.test_pictures) == tuple(COUNTS.values())
    assert (domain.components, domain.false_alarm_rate) == (8, 0.05)
    assert domain.test_false_alarm_rate is not None
    assert (bundle.folder / domain.file).stat().st_size < 1e6
    assert bundle.manifest.version == "2"
    assert run(["model", "verify", "--no-run", str(bundle.folder)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "distances are from 80 training pictures; above 1 are at most 5.0% of 60 val" in shown
    # What it answers is another thing, so it is another model; of the scores nothing changed.
    assert bundle.identity.sha256 != plain.identity.sha256
    assert replace(bundle, manifest=plain.manifest, domain=None).identity == plain.identity


def test_tensorflow_returns_distances_with_the_same_scores(bundle: Bundle, plain: Bundle) -> None:
    pixels = np.concatenate([forest(40, 7), strange(5)])
    found = predict_all(TensorFlowClassifier(bundle, batch_size=8), pixels)
    assert np.array_equal(
        found.scores, classify_all(TensorFlowClassifier(plain, batch_size=8), pixels)
    )
    assert found.domain_distances is not None
    assert found.domain_distances.shape == (45,)
    assert found.domain_distances.dtype == np.float32
    assert (found.domain_distances[40:] > 2).all()
    assert (found.domain_distances[:40] > 1).mean() <= 0.15
    assert predict_all(TensorFlowClassifier(plain), pixels[:2]).domain_distances is None
    assert predict_all(TensorFlowClassifier(bundle), pixels[:0]).scores.shape == (0, 2)


@pytest.mark.skipif(not runtime.is_installed(), reason="needs OpenVINO")
def test_openvino_answers_the_same_distances(bundle: Bundle, networks_dir: Path) -> None:
    pixels = np.concatenate([forest(7, 7), strange(2)])
    expected = predict_all(TensorFlowClassifier(bundle), pixels)
    found = on_openvino(bundle, networks_dir, pixels, "f32")
    assert np.allclose(found.scores, expected.scores, atol=1e-5)
    assert np.allclose(found.domain_distances, expected.domain_distances, rtol=1e-4)
    if runtime.has_bf16():
        found = on_openvino(bundle, networks_dir, pixels, "bf16")
        assert np.allclose(found.domain_distances, expected.domain_distances, atol=0.15)


@pytest.mark.skipif(not runtime.is_installed(), reason="needs OpenVINO")
def test_an_8_bit_network_answers_distances(
    bundle: Bundle, networks_dir: Path, tmp_path: Path
) -> None:
    pytest.importorskip("nncf", reason="needs the extra int8")
    folder = copied(bundle.folder, tmp_path / "small")
    (folder / INT8_FOLDER).mkdir()
    with float_network(folder, bundle.manifest, networks_dir) as network:
        quantize(network, bundle.manifest, forest(20, 4), folder / INT8_FOLDER)
    pixels = np.concatenate([forest(7, 7), strange(2)])
    found = on_openvino(open_bundle(folder), networks_dir, pixels, "int8")
    exact = on_openvino(bundle, networks_dir, pixels, "f32")
    assert found.domain_distances is not None
    assert not np.array_equal(found.scores, exact.scores)
    # A network of two layers forgives little.
    assert np.allclose(found.domain_distances[:7], exact.domain_distances[:7], atol=0.5)
    assert (found.domain_distances[7:] > 2).all()


def test_distances_are_mahalanobiss_with_one_variance_for_the_rest() -> None:
    rng = np.random.default_rng(3)
    mixed = rng.normal(size=(12, 12)) * np.linspace(2, 0.1, 12)
    train, validation = (np.abs(rng.normal(size=(n, 12)) @ mixed) for n in (400, 100))
    fitted = fit_domain(train, validation, None, components=4, false_alarm_rate=0.05)
    unit = train / np.linalg.norm(train, axis=1, keepdims=True)
    variances, directions = np.linalg.eigh(np.cov(unit.T))
    variances[:-4] = variances[:-4].mean()
    variances += 0.01**2 / 12
    precision = directions @ np.diag(1 / variances) @ directions.T
    centred = validation / np.linalg.norm(validation, axis=1, keepdims=True) - unit.mean(axis=0)
    exact = np.sqrt(np.einsum("ni,ij,nj->n", centred, precision, centred))
    found = distances(validation.astype(np.float32), fitted.arrays)
    # Components are kept in half precision.
    assert np.allclose(found / found[0], exact / exact[0], rtol=5e-3)
    assert 0 < beyond(found) <= 0.05
    assert fitted.domain.test_false_alarm_rate is None


def test_pictures_that_are_all_alike_are_refused_and_a_black_one_is_far() -> None:
    alike = np.ones((50, 6), np.float32)
    with pytest.raises(TrainingError, match="all alike"):
        fit_domain(alike, alike, None, components=3, false_alarm_rate=0.05)
    nearly = alike + np.arange(50, dtype=np.float32)[:, None] / 1000 * np.eye(6)[0]
    fitted = fit_domain(alike, nearly, None, components=3, false_alarm_rate=0.05)
    far = distances(np.zeros((1, 6), np.float32), fitted.arrays)
    assert 1 < far < 1e6


def test_too_few_pictures_are_refused(
    plain: Bundle, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features = np.ones((30, 40), np.float32)
    with pytest.raises(TrainingError, match=r"20 components take at least 40 pictures .* has 30"):
        fit_domain(features, features, None, components=20, false_alarm_rate=0.1)
    with pytest.raises(TrainingError, match=r"rate of 0.01 takes at least 100 pictures .* has 30"):
        fit_domain(features, features, None, components=5, false_alarm_rate=0.01)
    command = ["model", "domain", str(plain.folder), "--data", str(pictures), "--format", "folder"]
    assert run(command) == 1
    assert "takes at least 100 pictures in the validation split" in capsys.readouterr().err
    assert open_bundle(plain.folder).domain is None


def test_statistics_that_do_not_fit_or_are_damaged_are_refused(
    bundle: Bundle, tmp_path: Path
) -> None:
    folder = copied(bundle.folder, tmp_path / "small")
    assert bundle.domain is not None
    assert bundle.manifest.domain is not None
    short = bundle.domain | {"mean": bundle.domain["mean"][:5]}
    write_domain(folder, bundle.manifest.domain, short)
    with pytest.raises(ModelUnavailableError, match=r"should have the shapes .*found .*\(5,\)"):
        predict_all(TensorFlowClassifier(open_bundle(folder)), strange(1))
    endless = bundle.domain | {"scale": bundle.domain["scale"] * np.inf}
    with pytest.raises(ModelUnavailableError, match="not finite"):
        write_domain(folder, bundle.manifest.domain, endless)
    write_domain(folder, bundle.manifest.domain, bundle.domain)
    assert open_bundle(folder).identity == bundle.identity
    with whole_file(folder / "domain.h5") as file:
        file.write(b"x")
    with pytest.raises(ModelUnavailableError, match=r"domain.h5 is damaged or was changed"):
        open_bundle(folder)


def test_a_network_without_pooled_features_has_no_distance(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras = keras_model.keras_module()
    pixels = keras.Input((64, 64, 3))
    inner = keras.layers.Conv2D(2, 5, strides=2)(pixels)
    scores = keras.layers.Activation("sigmoid")(keras.layers.GlobalMaxPooling2D()(inner))
    network, folder = keras.Model(pixels, scores), tmp_path / "odd"
    about = {"name": "odd", "version": "1", "labels": ("clear", "water")}
    export_model(network, folder, **about, spec=InputSpec(64))
    command = ["model", "domain", str(folder), "--data", str(pictures), "--format", "folder"]
    assert run(command) == 1
    assert "does not end in a dense layer of pooled features" in capsys.readouterr().err


def on_openvino(bundle: Bundle, var_dir: Path, pixels: np.ndarray, precision: str) -> Predictions:
    settings = Settings(bundle=bundle.folder, var_dir=var_dir, engine="openvino")
    classifier = load_classifier(settings.model_copy(update={"precision": precision}))
    return predict_all(classifier, pixels)


def copied(source: Path, folder: Path) -> Path:
    """Copy the files of a bundle, not what was made of it."""
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder
