import dataclasses

import pytest
from sqlalchemy import Connection
from support.pixel_classifier import PIXEL_IDENTITY

from earthgql.catalog.models import list_models, models_by_ids, register_model
from earthgql.errors import ModelUnavailableError

OTHER = dataclasses.replace(PIXEL_IDENTITY, version="2", sha256="e" * 64)


def test_a_model_is_registered_once(connection: Connection) -> None:
    first = register_model(connection, PIXEL_IDENTITY)
    assert register_model(connection, PIXEL_IDENTITY) == first
    assert models_by_ids(connection, [first, -1])[first].identity == PIXEL_IDENTITY
    assert set(models_by_ids(connection, [first, -1])) == {first}


def test_same_name_and_version_with_another_hash_is_refused(connection: Connection) -> None:
    first = register_model(connection, PIXEL_IDENTITY)
    changed = dataclasses.replace(PIXEL_IDENTITY, sha256="d" * 64)
    with pytest.raises(ModelUnavailableError, match=r"pixel 1 has the hash dddd.*another version"):
        register_model(connection, changed)
    assert models_by_ids(connection, [first])[first].identity == PIXEL_IDENTITY


def test_same_weights_take_a_new_name_version_and_thresholds(connection: Connection) -> None:
    first = register_model(connection, PIXEL_IDENTITY)
    tuned = dataclasses.replace(PIXEL_IDENTITY, version="1.1", thresholds=(0.3,) * 17)
    assert register_model(connection, tuned) == first
    assert models_by_ids(connection, [first])[first].identity == tuned


def test_a_version_taken_by_another_hash_is_refused_for_a_renamed_model_too(
    connection: Connection,
) -> None:
    register_model(connection, PIXEL_IDENTITY)
    register_model(connection, OTHER)
    with pytest.raises(ModelUnavailableError, match="another version"):
        register_model(connection, dataclasses.replace(PIXEL_IDENTITY, version="2"))


def test_models_are_listed_by_id_page_by_page(connection: Connection) -> None:
    before = list_models(connection)
    ids = [register_model(connection, PIXEL_IDENTITY), register_model(connection, OTHER)]
    assert [m.id for m in list_models(connection)] == [*(m.id for m in before), *ids]
    assert [m.id for m in list_models(connection, limit=1, after=ids[0])] == [ids[1]]
    assert list_models(connection, limit=0) == []
