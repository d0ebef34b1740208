import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earthgql.errors import ModelUnavailableError
from earthgql.models.bundle import (
    Arrays,
    Bundle,
    open_bundle,
    read_manifest,
    to_half_precision,
    update_manifest,
    write_bundle,
)
from earthgql.models.manifest import ModelInput
from earthgql.models.preprocess import InputSpec

LABELS = ("forest", "water", "road")


def arrays() -> Arrays:
    rng = np.random.default_rng(1)
    return {
        "layers/dense/vars/0": rng.normal(size=(8, 3)).astype(np.float32),
        "layers/dense/vars/1": np.array([1e-9, 1e9, 0.3], np.float32),
    }


def about(**changes: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "version": "1.0",
        "architecture": "ResNet50",
        "labels": LABELS,
        "thresholds": [0.5, 0.25, 0.125],
        "input": ModelInput.of(InputSpec(64)),
        "output": {"shape": [-1, 3]},
        "weights": {"dtype": "float32"},
        **changes,
    }


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_bundle(tmp_path / "small", about(), arrays())


def edit(bundle: Bundle, **changes: Any) -> None:
    path = bundle.folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_was_written_is_read(bundle: Bundle) -> None:
    again = open_bundle(bundle.folder)
    assert again.manifest == bundle.manifest
    assert again.identity == bundle.identity
    assert again.identity.labels == LABELS
    assert again.identity.thresholds == (0.5, 0.25, 0.125)
    for path, values in arrays().items():
        assert (again.arrays[path] == values).all()
    assert sorted(p.name for p in bundle.folder.iterdir()) == ["manifest.json", "model.weights.h5"]
    assert [p.name for p in bundle.folder.parent.iterdir()] == ["small"]


def test_changed_weights_are_noticed(bundle: Bundle) -> None:
    weights = bundle.folder / "model.weights.h5"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    expected = bundle.manifest.checksums["model.weights.h5"]
    with pytest.raises(ModelUnavailableError, match=rf"{weights} is damaged.* says {expected}"):
        open_bundle(bundle.folder)


def test_missing_parts_are_named(bundle: Bundle, tmp_path: Path) -> None:
    (bundle.folder / "model.weights.h5").unlink()
    with pytest.raises(ModelUnavailableError, match=r"model\.weights\.h5 cannot be read: No such"):
        open_bundle(bundle.folder)
    with pytest.raises(ModelUnavailableError, match=r"nowhere is no model bundle"):
        open_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["forest", "water"]}, "thresholds is for 3 labels, labels has 2"),
        ({"labels": ["forest", "water", "water"]}, "labels appear twice: water"),
        ({"thresholds": [0.5, 0.5, 1.5]}, r"thresholds\.2 .*less than or equal to 1"),
        ({"output": {"shape": [-1, 4]}}, r"output\.shape is for 4 labels"),
        ({"architecture": "VGG16"}, r"architecture .*'ResNet50' or 'Keras'"),
        ({"architecture": "Keras"}, r"checksums are of .* expected .*architecture\.json"),
        ({"calibration": {"type": "temperature", "temperature": [1.0]}}, "calibration is for 1"),
        ({"surprise": 1}, "surprise Extra inputs are not permitted"),
        ({"format": "earthgql-bundle/9"}, "format .*earthgql-bundle/1"),
        ({"checksums": {}}, "checksums are of"),
    ],
)
def test_wrong_manifests_are_explained(
    bundle: Bundle, changes: dict[str, Any], message: str
) -> None:
    edit(bundle, **changes)
    with pytest.raises(ModelUnavailableError, match=rf"manifest\.json: {message}"):
        read_manifest(bundle.folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [-1, 64, 32, 3]}, "not square"),
        ({"shape": [-1, 64, 64, 4]}, r"shape\.3"),
        ({"channel_order": "BGR"}, "channel_order is BGR, but unit means RGB"),
        ({"resize_type": None}, "get to 64 x 64 by interpolation-area"),
        ({"value_scaling": {"type": "standard"}}, "needs both"),
    ],
)
def test_wrong_inputs_are_explained(bundle: Bundle, changes: dict[str, Any], message: str) -> None:
    edit(bundle, input={**bundle.manifest.input.model_dump(mode="json"), **changes})
    with pytest.raises(ModelUnavailableError, match=message):
        read_manifest(bundle.folder)


def test_no_json_is_explained(bundle: Bundle) -> None:
    (bundle.folder / "manifest.json").write_text("{")
    with pytest.raises(ModelUnavailableError, match="Invalid JSON"):
        read_manifest(bundle.folder)


def test_identity_is_what_decides_the_scores(tmp_path: Path, bundle: Bundle) -> None:
    def digest(folder: str, values: Arrays | None = None, **changes: Any) -> str:
        made = write_bundle(
            tmp_path / folder, about(**changes), arrays() if values is None else values
        )
        return made.identity.sha256

    changed = arrays()
    changed["layers/dense/vars/1"][0] = 2
    same = bundle.identity.sha256
    assert digest("renamed", name="other", version="2", thresholds=[0.1] * 3) == same
    others = {
        digest("weights", changed),
        digest("labels", labels=("forest", "water", "roads")),
        digest("input", input=ModelInput.of(InputSpec(64, "imagenet-caffe"))),
        digest("calibration", calibration={"type": "temperature", "temperature": [2, 2, 2]}),
        digest("half", to_half_precision(arrays()), weights={"dtype": "float16"}),
    }
    assert len(others | {same}) == 6


def test_half_precision_is_for_kernels_that_fit_it() -> None:
    kept = to_half_precision({**arrays(), "huge": np.full((2, 2), 1e6, np.float32)})
    assert {path: str(values.dtype) for path, values in kept.items()} == {
        "layers/dense/vars/0": "float16",
        "layers/dense/vars/1": "float32",
        "huge": "float32",
    }


def test_nothing_is_overwritten_or_half_written(bundle: Bundle, tmp_path: Path) -> None:
    before = {p.name: p.read_bytes() for p in bundle.folder.iterdir()}
    with pytest.raises(ModelUnavailableError, match="exists already"):
        write_bundle(bundle.folder, about(version="2"), arrays())
    with pytest.raises(ModelUnavailableError, match="thresholds is for 1"):
        write_bundle(bundle.folder, about(thresholds=[0.5]), arrays(), replace=True)
    broken = {**arrays(), "layers/dense/vars/1": np.array([np.nan], np.float32)}
    with pytest.raises(ModelUnavailableError, match="not finite: layers/dense/vars/1"):
        write_bundle(bundle.folder, about(), broken, replace=True)
    assert {p.name: p.read_bytes() for p in bundle.folder.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["small"]


def test_replacing_leaves_only_the_new_one(bundle: Bundle, tmp_path: Path) -> None:
    write_bundle(bundle.folder, about(version="2"), arrays(), card="# Card\n", replace=True)
    assert open_bundle(bundle.folder).manifest.version == "2"
    assert (bundle.folder / "MODEL_CARD.md").read_text() == "# Card\n"
    assert [p.name for p in tmp_path.iterdir()] == ["small"]


def test_a_bundle_that_cannot_be_replaced_stays(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refuse_version_2(path: Path, target: Path) -> Path:
        if target == bundle.folder and read_manifest(path).version == "2":
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_version_2)
    with pytest.raises(ModelUnavailableError, match=r"cannot be written.*Input/output error"):
        write_bundle(bundle.folder, about(version="2"), arrays(), replace=True)
    assert open_bundle(bundle.folder).identity == bundle.identity
    assert [p.name for p in tmp_path.iterdir()] == ["small"]


def test_a_manifest_that_cannot_be_written_stays(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(ModelUnavailableError, match=r"manifest\.json cannot be written: Input/out"):
        update_manifest(bundle.folder, thresholds=[0.1, 0.2, 0.3])
    assert read_manifest(bundle.folder) == bundle.manifest


def test_a_file_in_the_way_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelUnavailableError, match="cannot be written"):
        write_bundle(tmp_path / "file" / "bundle", about(), arrays())


def test_thresholds_can_be_changed_in_place(bundle: Bundle) -> None:
    update_manifest(bundle.folder, thresholds=np.array([0.1, 0.2, 0.3]))
    again = open_bundle(bundle.folder)
    assert again.manifest.thresholds == (0.1, 0.2, 0.3)
    assert again.identity.sha256 == bundle.identity.sha256
    with pytest.raises(ModelUnavailableError, match="thresholds is for 1"):
        update_manifest(bundle.folder, thresholds=[0.1])
    assert read_manifest(bundle.folder).thresholds == (0.1, 0.2, 0.3)
    assert len(list(bundle.folder.iterdir())) == 2
