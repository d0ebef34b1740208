"""Fine-tuning for real: a small residual network, and pictures whose labels are their colours."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from earthgql import cli
from earthgql.errors import TrainingError
from earthgql.models.bundle import Bundle, open_bundle
from earthgql.models.engines.keras.import_export import export_model, largest_difference
from earthgql.models.engines.keras.network import build, keras_module
from earthgql.models.preprocess import InputSpec, preprocess
from earthgql.training.data.formats import read_splits
from earthgql.training.data.samples import Splits
from earthgql.training.transfer.fine_tuning import check, fine_tune, without, without_positives
from earthgql.training.transfer.learning import Recipe, scores_of
from earthgql.training.transfer.network import stage_outputs, transfer
from earthgql.training.transfer.views import VIEWS, turned, views_of

SIZE = 64
SPEC = InputSpec(SIZE, "unit")
RECIPE = Recipe(head_steps=400, epochs=2, views=2, head_rate=1e-2, batch=8)


@contextmanager
def silent(_description: str, _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _count: None


def residual_block(pixels, name: str, channels: int, stride: int, *, projects: bool):
    layers = keras_module().layers
    inner = layers.Conv2D(channels, 1, strides=stride, name=f"{name}_1_conv")(pixels)
    inner = layers.ReLU(name=f"{name}_1_relu")(inner)
    inner = layers.Conv2D(channels, 3, padding="same", name=f"{name}_3_conv")(inner)
    inner = layers.BatchNormalization(name=f"{name}_3_bn")(inner)
    shortcut = pixels
    if projects:
        shortcut = layers.Conv2D(channels, 1, strides=stride, name=f"{name}_0_conv")(pixels)
        shortcut = layers.BatchNormalization(name=f"{name}_0_bn")(shortcut)
    added = layers.Add(name=f"{name}_add")([shortcut, inner])
    return layers.ReLU(name=f"{name}_out")(added)


def small_resnet(labels: int):
    """Two stages, named as in Keras' ResNet50; the second block of the first stage is idle."""
    keras = keras_module()
    keras.utils.set_random_seed(4)
    pixels = keras.Input((SIZE, SIZE, 3))
    inner = keras.layers.Conv2D(8, 5, strides=4, activation="relu", name="conv1_conv")(pixels)
    inner = residual_block(inner, "conv2_block1", 8, 1, projects=True)
    inner = residual_block(inner, "conv2_block2", 8, 1, projects=False)
    inner = residual_block(inner, "conv3_block1", 12, 2, projects=True)
    inner = keras.layers.GlobalAveragePooling2D()(inner)
    network = keras.Model(pixels, keras.layers.Dense(labels, activation="sigmoid")(inner))
    idle = network.get_layer("conv2_block2_3_bn")
    idle.gamma.assign(np.zeros(8))
    return network


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("bundle") / "small"
    labels = ("sea", "sand", "snow")
    export_model(small_resnet(3), folder, name="small", version="1", labels=labels, spec=SPEC)
    return open_bundle(folder)


def write_pictures(folder: Path, counts: dict[str, int], labels: tuple[str, str]) -> Path:
    rng, rows = np.random.default_rng(1), ["image,tags,split"]
    for split, count in counts.items():
        for number in range(count):
            tags = [label for label, bit in zip(labels, (1, 2), strict=True) if number & bit]
            noise = rng.integers(0, 90, (SIZE, SIZE, 3), dtype=np.uint8)
            noise[..., ::2] += np.array([(tag in tags) * 160 for tag in labels], np.uint8)
            Image.fromarray(noise).save(folder / f"{split}{number}.png")
            rows.append(f"{split}{number}.png,{' '.join(tags)},{split}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    counts = {"train": 32, "validation": 16, "test": 16}
    return write_pictures(tmp_path_factory.mktemp("pictures"), counts, ("red", "blue"))


@pytest.fixture(scope="module")
def splits(pictures: Path) -> Splits:
    return read_splits(pictures, "folder", seed=1)


def test_the_network_begins_with_the_scores_of_the_bundle(bundle: Bundle) -> None:
    parts = transfer(bundle, ("snow", "sea"), SIZE, 1)
    assert stage_outputs(parts.network) == ["conv2_block1_out", "conv3_block1_out"]
    assert parts.own is not None
    parts.head.set_weights(parts.own)
    inputs = np.random.default_rng(2).random((4, SIZE, SIZE, 3), np.float32)
    expected = np.array(build(bundle)(inputs))[:, [2, 0]]
    assert np.allclose(np.array(parts.network(inputs)), expected, atol=1e-5)
    assert transfer(bundle, ("ice",), SIZE, 0).own is None


def test_the_tail_gives_the_scores_of_the_whole_from_every_second_pixel(
    bundle: Bundle, splits: Splits, tmp_path: Path
) -> None:
    parts = transfer(bundle, splits.labels, SIZE, 1)
    seen = views_of(parts, splits.validation, SPEC, 2, folder=tmp_path)
    assert seen.maps is not None
    assert seen.maps.shape == (16, 2, 8, 8, 8)
    pixels = splits.validation.read(range(16))
    for view, scores in enumerate(scores_of(parts, seen).reshape(16, 2, 2).transpose(1, 0, 2)):
        whole = np.array(parts.network(preprocess(turned(pixels, view), SPEC)))
        assert np.allclose(scores, whole, atol=2e-3)


def test_all_views_differ_and_are_views_of_one_picture() -> None:
    picture = np.arange(27, dtype=np.uint8).reshape(1, 3, 3, 3)
    views = [turned(picture, view) for view in range(VIEWS)]
    assert len({view.tobytes() for view in views}) == VIEWS
    assert all(np.array_equal(np.sort(view.ravel()), np.arange(27)) for view in views)


def test_new_labels_are_learnt_and_the_report_says_from_what(
    bundle: Bundle, splits: Splits, tmp_path: Path
) -> None:
    tuning = fine_tune(bundle, splits, RECIPE, folder=tmp_path / "var", progress=silent)
    report = tuning.report
    assert report["from"]["sha256"] == bundle.identity.sha256
    assert report["data"]["pictures"] == {"train": 32, "validation": 16, "test": 16}
    assert report["data"]["labels"]["red"]["train"] == 16
    assert report["test"]["before"]["kind"] == "constant"
    assert report["test"]["before"]["macro_f1"] < 0.7
    assert report["test"]["after"]["macro_f1"] > 0.9
    for losses in report["learning"].values():
        found = losses["validation_losses"]
        assert found[losses["best_round"]] == min(found)
    assert list((tmp_path / "var").iterdir()) == []
    about = {"name": "mine", "version": "1", "labels": splits.labels, "spec": tuning.spec}
    written = export_model(tuning.network, tmp_path / "mine", **about)
    assert largest_difference(tuning.network, written) < 1e-5


def test_another_size_and_the_same_seed_give_the_same_numbers(
    bundle: Bundle, splits: Splits, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, size=96, stages=0)
    first, second = (
        fine_tune(bundle, splits, recipe, folder=tmp_path, progress=silent) for _ in range(2)
    )
    assert first.network.input_shape == (None, 96, 96, 3)
    assert first.report["learning"] == second.report["learning"]


def test_a_network_without_known_stages_learns_its_head_alone(
    small_bundle: Bundle, splits: Splits, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="0 stages that are known by name"):
        transfer(small_bundle, splits.labels, 256, 1)
    recipe = replace(RECIPE, stages=0)
    tuning = fine_tune(small_bundle, splits, recipe, folder=tmp_path, progress=silent)
    assert tuning.report["test"]["after"]["macro_f1"] > 0.7


def test_too_few_pictures_and_labels_without_any_are_refused(tmp_path: Path) -> None:
    counts = {"train": 12, "validation": 8}
    few = read_splits(write_pictures(tmp_path, counts, ("red", "blue")), "folder", seed=1)
    with pytest.raises(TrainingError, match="train split has 12 pictures; at least 20"):
        check(few)
    counts = {"train": 24, "validation": 8}
    folder = write_pictures(tmp_path, counts, ("red", "blue"))
    named = read_splits(folder, "folder", seed=1, labels=("blue", "gold", "red"))
    with pytest.raises(TrainingError, match=r"has the label gold: .* --drop-empty"):
        check(named)
    kept = without(named, without_positives(named))
    check(kept)
    assert kept.labels == ("blue", "red")
    assert kept.train.truth.sum(axis=0).tolist() == [12, 12]


def test_an_interrupt_leaves_nothing(bundle: Bundle, splits: Splits, tmp_path: Path) -> None:
    @contextmanager
    def interrupting(description: str, _total: int) -> Iterator[Callable[[int], None]]:
        def done(_count: int) -> None:
            if description == "Learn the last stages":
                raise KeyboardInterrupt

        yield done

    with pytest.raises(KeyboardInterrupt):
        fine_tune(bundle, splits, RECIPE, folder=tmp_path, progress=interrupting)
    assert list(tmp_path.iterdir()) == []


def test_the_command_makes_a_bundle_that_can_be_tuned_again_and_measured(
    bundle: Bundle,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EARTHGQL_VAR_DIR", str(tmp_path / "var"))

    def run(source: Path, out: Path, *more: str) -> int:
        options = ("--views", "2", "--epochs", "1", "--batch", "8", "--size", str(SIZE))
        places = (str(source), "--data", str(pictures), "--out", str(out))
        return cli.run(["model", "fine-tune", *places, *options, *more])

    first, second = tmp_path / "first", tmp_path / "second"
    assert run(bundle.folder, first, "--json", str(tmp_path / "report.json")) == 0
    assert "| the best constant answer |" in capsys.readouterr().out
    manifest = open_bundle(first).manifest
    assert manifest.labels == ("blue", "red")
    assert manifest.training is not None
    assert manifest.training["from"]["name"] == "small"
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["test"]["after"]["macro_f1"] == manifest.training["test"]["after"]["macro_f1"]

    assert (
        f"Fine-tuned from small 1 (SHA-256 {bundle.identity.sha256})"
        in (first / "MODEL_CARD.md").read_text()
    )

    assert run(bundle.folder, first) == 1
    assert "exists already" in capsys.readouterr().err
    assert run(first, second, "--name", "again", "--version", "2") == 0
    assert "| the bundle as it was |" in capsys.readouterr().out
    assert open_bundle(second).manifest.name == "again"

    only = tmp_path / "only"
    only.mkdir()
    write_pictures(only, {"test": 12}, ("red", "blue"))
    measured = ["model", "evaluate", str(second), "--data", str(only), "--format", "folder"]
    assert cli.run([*measured, "--split", "all"]) == 0
    assert capsys.readouterr().out.startswith("12 pictures")
    assert cli.run([*measured, "--split", "train"]) == 1
    assert "no pictures in its train split, only in: test" in capsys.readouterr().err
