"""A model whose scores tests of sums make up."""

import pytest
from sqlalchemy import Connection
from support.area_sums import LABELS
from support.catalog_rows import add_model

from earthgql.catalog.models import ModelRecord


@pytest.fixture
def model(connection: Connection) -> ModelRecord:
    return add_model(connection, "sums", LABELS, 0.5)
