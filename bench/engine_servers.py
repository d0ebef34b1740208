"""A Keras model as others serve it: `TILES/z/x/y.jpg` to scores, no database."""

import os
from pathlib import Path
from typing import Any

from earthgql.classifiers import keras_model
from earthgql.classifiers.bundle import open_bundle
from earthgql.classifiers.preprocess import preprocess
from earthgql.classifiers.protocol import Scores
from earthgql.training.pictures import read_picture

BATCH_SIZE = 16


class KerasModel:
    """Keras's own `predict`, warm."""

    def __init__(self) -> None:
        os.environ["KERAS_BACKEND"] = "tensorflow"
        bundle = open_bundle(Path(os.environ["BENCH_BUNDLE"]))
        self.spec = bundle.manifest.input.spec
        self.model = keras_model.build(bundle)
        self.tiles = Path(os.environ["BENCH_TILES"])
        first = next(self.tiles.rglob("*.jpg"))
        for size in (1, BATCH_SIZE):
            self.scores([read_picture(first)] * size)

    def read(self, place: str) -> Any:
        return read_picture(self.tiles / f"{place}.jpg")

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
