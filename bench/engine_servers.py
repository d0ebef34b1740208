"""A Keras model as others serve it: `TILES/z/x/y.jpg` to scores, no database."""

import os
from pathlib import Path
from typing import Any

from earthgql.imagery.pictures import read_picture
from earthgql.models.bundle import open_bundle
from earthgql.models.engines.keras import network as keras_model
from earthgql.models.preprocess import preprocess
from earthgql.models.protocol import Scores

BATCH_SIZE = int(os.environ.get("BENCH_BATCH", "16"))


class KerasModel:
    """Keras's own `predict`, warm."""

    def __init__(self) -> None:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        bundle = open_bundle(Path(os.environ["BENCH_BUNDLE"]))
        self.spec = bundle.manifest.input.spec
        self.model = keras_model.build(bundle)
        self.tiles = os.environ["BENCH_TILES"]
        first = next(Path(self.tiles).rglob("*.jpg")).relative_to(self.tiles).with_suffix("")
        for size in (1, BATCH_SIZE):
            self.scores([self.read(str(first))] * size)

    def read(self, place: str) -> Any:
        """Read a picture as earthgql does."""
        return read_picture(self.tiles, self.tiles, f"{place}.jpg")

    def scores(self, pictures: list[Any]) -> Scores:
        import numpy as np

        inputs = preprocess(np.stack(pictures), self.spec)
        scores: Scores = self.model.predict(inputs, verbose=0)
        return scores


def flask() -> Any:
    """One tile a request, one forward pass a tile."""
    from flask import Flask

    app, model = Flask(__name__), KerasModel()

    @app.get("/classify/<int:z>/<int:x>/<int:y>")
    def classify(z: int, x: int, y: int) -> list[float]:
        row: list[float] = model.scores([model.read(f"{z}/{x}/{y}")])[0].tolist()
        return row

    return app
