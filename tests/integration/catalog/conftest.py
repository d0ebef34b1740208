"""A model whose scores tests of sums make up."""

import pytest
from area_sums import LABELS
from scored_scenes import add_model
from sqlalchemy import Connection

from earthgql.catalog.models import ModelRecord


@pytest.fixture
def model(connection: Connection) -> ModelRecord:
    return add_model(connection, "sums", LABELS, 0.5)
