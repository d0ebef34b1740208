from pathlib import Path

import pytest

from earthgql.errors import ModelUnavailableError, SetupError
from earthgql.models import load_classifier
from earthgql.models.bundle import Bundle, open_bundle
from earthgql.models.engines.keras.untrained import untrained_bundle
from earthgql.models.labels import PLANET_LABELS
from earthgql.models.loading import SHIPPED, bundle_folder, chosen_folder
from earthgql.settings import Settings


def test_the_bundle_set_is_the_one_loaded(resnet_bundle: Bundle, tmp_path: Path) -> None:
    settings = Settings(bundle=resnet_bundle.folder, var_dir=tmp_path, engine="tensorflow")
    assert load_classifier(settings).identity == resnet_bundle.identity
    assert not list(tmp_path.iterdir())


def test_a_bundle_set_that_is_not_there_is_an_error_not_another_model(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="missing is no model bundle"):
        load_classifier(Settings(bundle=tmp_path / "missing", var_dir=tmp_path))


def test_the_shipped_bundle_comes_before_the_untrained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earthgql.models.loading.BUNDLES_DIR", tmp_path)
    settings = Settings(bundle=None, var_dir=tmp_path / "var")
    assert chosen_folder(settings) == tmp_path / "var" / "models" / "untrained"
    (tmp_path / SHIPPED).mkdir()
    (tmp_path / SHIPPED / "manifest.json").write_text("{}")
    assert bundle_folder(settings) == tmp_path / SHIPPED


def test_the_untrained_bundle_is_made_once_and_the_same_everywhere(tmp_path: Path) -> None:
    folder = untrained_bundle(tmp_path / "models" / "untrained")
    bundle = open_bundle(folder)
    assert "untrained" in bundle.identity.version
    assert bundle.identity.labels == PLANET_LABELS
    # Databases know the hash: if the recipe changes, so must UNTRAINED_VERSION.
    assert bundle.identity.sha256 == (
        "0d0c480be817e175fc23f61ba686731d4931550eda1c26a4f98e604f2c048d73"
    )
    before = folder.stat()
    assert untrained_bundle(folder) == folder
    assert folder.stat() == before
    names = {path.name for path in folder.parent.iterdir()}
    assert names == {"untrained", ".untrained.lock"}


def test_a_place_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(ModelUnavailableError, match="untrained cannot be written"):
        untrained_bundle(tmp_path / "models" / "untrained")


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_tensorflow_has_one_precision(
    resnet_bundle: Bundle, tmp_path: Path, precision: str
) -> None:
    settings = Settings(
        bundle=resnet_bundle.folder, var_dir=tmp_path, engine="tensorflow", precision=precision
    )
    with pytest.raises(SetupError, match=f"EARTHGQL_PRECISION={precision} needs OpenVINO"):
        load_classifier(settings)
