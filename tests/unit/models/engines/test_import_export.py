import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.keras2_files import LABELS, old_resnet_name, small_network, write_keras2

from earthgql.errors import ModelUnavailableError
from earthgql.models.bundle import Bundle, open_bundle, read_arrays
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.engines.keras.import_export import (
    export_model,
    largest_difference,
    load_keras_file,
    load_weights_file,
)
from earthgql.models.engines.keras.inference import without_normalisation
from earthgql.models.engines.keras.keras2 import PREDECESSOR_INPUT, load_predecessor
from earthgql.models.preprocess import InputSpec


@pytest.fixture(scope="module")
def network() -> Any:
    return small_network()


def scores(model: Any, size: int) -> np.ndarray:
    inputs = np.random.default_rng(0).normal(0, 60, (4, size, size, 3)).astype(np.float32)
    return np.array(model(inputs, training=False))


@pytest.mark.parametrize("form", [{}, {"whole": True}, {"twice": True}])
def test_predecessors_files_give_the_same_scores(
    network: Any, tmp_path: Path, form: dict[str, bool]
) -> None:
    model, labels = load_predecessor(write_keras2(tmp_path / "old", network, LABELS, **form))
    assert labels == LABELS
    assert np.abs(scores(model, 256) - scores(network, 256)).max() < 1e-6
    assert model.get_layer("norm").epsilon == 1e-3


def test_predecessors_resnet_with_its_old_layer_names(tmp_path: Path) -> None:
    network = keras_model.resnet50(256, 3)
    keras_model.set_arrays(network, _varied(keras_model.arrays_of(network)), "test")
    folder = write_keras2(tmp_path / "old", network, LABELS, rename=old_resnet_name)
    model, labels = load_predecessor(folder)
    assert model.get_layer("res2a_branch2a").filters == 64
    bundle = export_model(
        model, tmp_path / "new", name="old", version="1", labels=labels, spec=PREDECESSOR_INPUT
    )
    assert bundle.manifest.architecture == "ResNet50", "recognised whatever its layers are called"
    assert bundle.manifest.input.channel_order == "BGR"
    assert largest_difference(network, bundle, tiles=2) < 0.01


def _varied(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    return {
        path: values + rng.uniform(0, 0.1, values.shape).astype(np.float32)
        if values.ndim == 1
        else values
        for path, values in arrays.items()
    }


def test_layers_named_by_another_run_are_matched_by_position(network: Any, tmp_path: Path) -> None:
    folder = write_keras2(tmp_path / "old", network, LABELS)
    other = write_keras2(tmp_path / "other", network, LABELS, rename=lambda name: f"{name}_9")
    (other / "resnet50_weights.hdf5").replace(folder / "resnet50_weights.hdf5")
    model, _ = load_predecessor(folder)
    assert np.abs(scores(model, 256) - scores(network, 256)).max() < 1e-6


def test_imported_network_survives_as_a_bundle(network: Any, tmp_path: Path) -> None:
    model, labels = load_predecessor(write_keras2(tmp_path / "old", network, LABELS))
    export_model(
        model, tmp_path / "new", name="old", version="1", labels=labels, spec=PREDECESSOR_INPUT
    )
    bundle = open_bundle(tmp_path / "new")
    assert bundle.manifest.architecture == "Keras"
    assert bundle.manifest.input.value_scaling.type == "imagenet-caffe"
    assert largest_difference(network, bundle) < 0.01
    folded = without_normalisation(keras_model.build(bundle))
    assert largest_difference(folded, bundle) < 1e-5
    assert not any("norm" in layer.name for layer in folded.layers if layer._outbound_nodes)


def test_predecessors_files_that_do_not_fit(network: Any, tmp_path: Path) -> None:
    folder = write_keras2(tmp_path / "old", network, LABELS)
    architecture, weights, classes = (
        folder / name for name in ("resnet50_model.json", "resnet50_weights.hdf5", "classes.txt")
    )
    classes.write_bytes(b"for\xeat")
    with pytest.raises(ModelUnavailableError, match=r"classes\.txt is no text in UTF-8"):
        load_predecessor(folder)
    classes.write_text("clear primary")
    with pytest.raises(ModelUnavailableError, match=r"output shape \(None, 2\), found \(None, 3\)"):
        load_predecessor(folder)
    classes.write_text("clear primary water")
    with h5py.File(weights, "a") as file:
        kernel = file["left/left/kernel:0"][()]
        del file["left/left/kernel:0"]
        file["left/left/kernel:0"] = kernel[..., :5]
    with pytest.raises(ModelUnavailableError, match=r"layer left should .*\(1, 1, 4, 6\).*4, 5"):
        load_predecessor(folder)
    with h5py.File(weights, "a") as file:
        file.attrs["layer_names"] = np.array([b"first", b"norm"])
    with pytest.raises(ModelUnavailableError, match=r"weights of 7 layers .*, found 2"):
        load_predecessor(folder)
    with h5py.File(weights, "w") as file:
        file["kernel"] = kernel
    with pytest.raises(ModelUnavailableError, match="not in Keras 2's format"):
        load_predecessor(folder)
    weights.write_bytes(b"no HDF5")
    with pytest.raises(ModelUnavailableError, match=r"resnet50_weights\.hdf5 is damaged"):
        load_predecessor(folder)
    architecture.write_text('{"class_name": "Model", "config": {"layers": [{"class_name": "X"}]}}')
    with pytest.raises(ModelUnavailableError, match="cannot be built by this Keras"):
        load_predecessor(folder)
    architecture.write_text("[1")
    with pytest.raises(ModelUnavailableError, match="no JSON"):
        load_predecessor(folder)
    architecture.unlink()
    with pytest.raises(ModelUnavailableError, match=r"resnet50_model\.json does not exist"):
        load_predecessor(folder)


@pytest.mark.parametrize("name", ["net.keras", "net.h5"])
def test_whole_keras_models_are_loaded(network: Any, tmp_path: Path, name: str) -> None:
    network.save(tmp_path / name)
    loaded = load_keras_file(tmp_path / name)
    assert np.abs(scores(loaded, 256) - scores(network, 256)).max() < 1e-6


def test_networks_with_code_in_them_are_refused(tmp_path: Path) -> None:
    keras = keras_model.keras_module()
    begin = keras.layers.Input((32, 32, 3))
    end = keras.layers.Lambda(lambda x: x[:, 0, 0, :])(begin)
    keras.Model(begin, end).save(tmp_path / "code.keras")
    with pytest.raises(ModelUnavailableError, match=r"code\.keras cannot be loaded"):
        load_keras_file(tmp_path / "code.keras")


@pytest.mark.parametrize(
    ("network", "spec", "message"),
    [
        (
            {"labels": 4},
            InputSpec(256),
            r"output shape \(None, 3\), found \(None, 4\) \(3 labels\)",
        ),
        ({"size": 128}, InputSpec(256), r"input shape \(None, 256, 256, 3\), found \(None, 128"),
        ({"activation": "softmax"}, InputSpec(256), "sigmoids, one per label, found softmax"),
    ],
)
def test_networks_that_do_not_fit_are_refused(
    tmp_path: Path, network: dict[str, Any], spec: InputSpec, message: str
) -> None:
    with pytest.raises(ModelUnavailableError, match=message):
        export_model(
            small_network(**network),
            tmp_path / "new",
            name="x",
            version="1",
            labels=LABELS,
            spec=spec,
        )
    assert not list(tmp_path.iterdir())


def test_weights_are_in_the_layout_of_keras(resnet: Any, tmp_path: Path) -> None:
    resnet.save_weights(tmp_path / "run.weights.h5")
    written = read_arrays(tmp_path / "run.weights.h5")
    ours = keras_model.arrays_of(resnet)
    assert written.keys() == ours.keys()
    assert all((written[path] == ours[path]).all() for path in ours)


def test_keras_itself_reads_the_weights_of_a_bundle(resnet: Any, resnet_bundle: Bundle) -> None:
    model = keras_model.build(resnet_bundle)
    ours = keras_model.arrays_of(model)
    keras_model.set_arrays(model, keras_model.arrays_of(resnet), "test")
    model.load_weights(resnet_bundle.folder / "model.weights.h5")
    assert all((ours[path] == value).all() for path, value in keras_model.arrays_of(model).items())


def test_weights_that_do_not_fit_the_architecture(resnet_bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "other.weights.h5"
    with pytest.raises(ModelUnavailableError, match=r"dense/vars/0 should have shape \(2048, 5\)"):
        load_weights_file(resnet_bundle.folder / "model.weights.h5", 64, 5)
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros((7, 7, 3, 64))
        file["layers/extra/vars/0"] = np.zeros(3)
    with pytest.raises(ModelUnavailableError, match="lacks weights the architecture has: layers"):
        load_weights_file(path, 64, 5)


def test_architecture_of_a_bundle_that_is_no_network(network: Any, tmp_path: Path) -> None:
    bundle = export_model(
        network, tmp_path / "new", name="x", version="1", labels=LABELS, spec=InputSpec(256)
    )
    broken = json.dumps({"class_name": "Nothing", "config": {}})
    changed = Bundle(bundle.folder, bundle.manifest, bundle.arrays, broken)
    with pytest.raises(ModelUnavailableError, match="cannot be built by this Keras"):
        keras_model.build(changed)
