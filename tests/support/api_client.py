"""Scenes and a client for tests that ask the application."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from support.pixel_classifier import PixelClassifier

from earthgql.app import create_app
from earthgql.imagery import grid
from earthgql.imagery.grid import TileIndex
from earthgql.ingest.raster.options import RasterOptions
from earthgql.ingest.raster.source import RasterSource
from earthgql.ingest.store import store
from earthgql.settings import Settings

ZOOM = 14
NORTH_WEST = TileIndex(ZOOM, 8600, 5800)
SIDE = 10
SCENE = "lake"


def write_raster(path: Path, north_west: TileIndex, columns: int, rows: int, seed: int = 7) -> Path:
    """Write a GeoTIFF that covers whole tiles, every one of its own colour and texture."""
    west, _, _, north = grid.mercator_bounds(north_west)
    metres = grid.mercator_bounds(north_west)[2] - west
    random = np.random.default_rng(seed)
    colours = random.integers(1, 200, (3, rows, columns), np.uint8)
    pixels = np.kron(colours, np.ones((1, 256, 256), np.uint8))
    pixels += random.integers(0, 50, pixels.shape[1:], np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns * 256,
        height=rows * 256,
        count=3,
        dtype="uint8",
        crs="EPSG:3857",
        photometric="RGB",
        transform=Affine(metres / 256, 0, west, 0, -metres / 256, north),
    ) as dataset:
        dataset.write(pixels)
    return path


def ingest(engine: Engine, path: Path, name: str, **options: Any) -> None:
    """Ingest a raster as a scene."""
    source = RasterSource(name, str(path), str(path.parent), RasterOptions(**options))
    assert store(engine, source).status == "new"


def centre(tile: TileIndex) -> tuple[float, float]:
    """Latitude and longitude of the middle of a tile."""
    west, south, east, north = grid.tile_bounds(tile)
    return (south + north) / 2, (west + east) / 2


def viewport(north_west: TileIndex, columns: int, rows: int) -> dict[str, float]:
    """The ``bounds`` argument that takes in whole tiles and no neighbour."""
    west, _, _, north = grid.tile_bounds(north_west)
    last = TileIndex(north_west.z, north_west.x + columns - 1, north_west.y + rows - 1)
    _, south, east, _ = grid.tile_bounds(last)
    return {
        "west": west + 1e-6,
        "south": south + 1e-6,
        "east": east - 1e-6,
        "north": north - 1e-6,
    }


WHOLE_SCENE = viewport(NORTH_WEST, SIDE, SIDE)


@dataclass
class Api:
    """Asks an application."""

    app: Flask
    engine: Engine
    classifier: PixelClassifier

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the whole response to a query."""
        response = self.client.post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.get_json()
        return answer

    def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a query that must succeed."""
        answer = self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def codes(self, query: str, **variables: Any) -> list[str]:
        """Return the codes of a query's errors."""
        return [error["extensions"]["code"] for error in self.ask(query, **variables)["errors"]]

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collect the SQL statements of the block."""
        seen: list[str] = []

        def note(_c: Any, _k: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        event.listen(self.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(self.engine, "before_cursor_execute", note)


def make_api(engine: Engine, classifier: PixelClassifier | None = None, **settings: Any) -> Api:
    """Make an application on a database, with a classifier that is quick and predictable."""
    classifier = classifier or PixelClassifier()
    app = create_app(Settings(**settings), engine=engine, load_classifier=lambda: classifier)
    app.testing = False
    return Api(app, engine, classifier)
