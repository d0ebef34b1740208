"""The training loop and its checkpoints, with an engine small enough to compare bit for bit."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from earthgql.errors import TrainingError
from earthgql.models.preprocess import InputSpec
from earthgql.training.data.batches import Batch, Batches
from earthgql.training.data.samples import ArraySamples, Splits
from earthgql.training.run.checkpoint import Position, RunFolder
from earthgql.training.run.trainer import Event, Trainer
from earthgql.training.run.training_plan import Plan, Stage

PLAN = Plan(epochs=3, batch=4, stages=(Stage(32, 1), Stage(64, 2)), rate=0.1)
ABOUT = {"labels": ["red", "blue"], "plan": PLAN.description()}


class MeanColourEngine:
    """Logistic regression on the mean colour."""

    def __init__(self, poison_at: int | None = None) -> None:
        self.weights = np.zeros((4, 2), np.float32)
        self.steps, self.poison_at = 0, poison_at
        self.sizes: list[int] = []

    def begin(self, stage: Stage) -> None:
        self.sizes.append(stage.size)

    def step(self, batch: Batch, rate: float) -> float:
        self.steps += 1
        if self.steps == self.poison_at:
            return math.nan
        scores = self.predict(batch.inputs)
        self.weights -= rate * self._features(batch.inputs).T @ (scores - batch.truth)
        return float(np.mean((scores - batch.truth) ** 2))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-self._features(inputs) @ self.weights))

    def save(self, path: Path) -> None:
        path.write_bytes(self.weights.tobytes())

    def load(self, path: Path) -> None:
        self.weights = np.frombuffer(path.read_bytes(), np.float32).reshape(4, 2).copy()

    def export(self, model: object) -> None:
        raise NotImplementedError

    def adopt(self, model: object, *, head: bool) -> None:
        raise NotImplementedError

    @staticmethod
    def _features(inputs: np.ndarray) -> np.ndarray:
        means = inputs.mean((1, 2))
        return np.concatenate([means, np.ones((len(means), 1), np.float32)], axis=1)


class UnpluggedError(Exception):
    """Stands for the end of the process."""


def samples(count: int, seed: int) -> ArraySamples:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (count, 2), dtype=np.uint8)
    truth[0] = 1
    images = rng.integers(0, 60, (count, 256, 256, 3), dtype=np.uint8)
    images[..., ::2] += truth[:, None, None, :] * np.uint8(150)
    return ArraySamples(("red", "blue"), truth, [f"{seed}-{n}" for n in range(count)], images)


@pytest.fixture(scope="module")
def splits() -> Splits:
    return Splits(samples(18, 1), samples(6, 2))


def trainer(splits: Splits, folder: Path, engine: MeanColourEngine, **more) -> Trainer:
    run = RunFolder(folder)
    run.open(ABOUT)
    return Trainer(engine, splits, PLAN, InputSpec(64), run, **more)


def test_a_run_learns_and_keeps_its_history(splits: Splits, tmp_path: Path) -> None:
    engine = MeanColourEngine()
    end = trainer(splits, tmp_path / "run", engine).run()
    assert (end.epoch, end.step) == (3, 12)
    assert engine.sizes == [32, 64, 64]
    history = RunFolder(tmp_path / "run").read_history()
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert history[-1]["validation_f2"] >= history[0]["validation_f2"] > 0.5


@pytest.mark.parametrize("stop_after", [1, 4, 6])
def test_going_on_ends_where_an_unbroken_run_ends(
    splits: Splits, tmp_path: Path, stop_after: int
) -> None:
    whole = MeanColourEngine()
    trainer(splits, tmp_path / "whole", whole).run()

    def pull_the_plug(event: Event) -> None:
        if broken.steps == stop_after and not event.report:
            raise UnpluggedError

    broken = MeanColourEngine()
    # A checkpoint after every step; the one of the last step before the plug is pulled is missing.
    first = trainer(splits, tmp_path / "run", broken, watch=pull_the_plug, checkpoint_seconds=0)
    with pytest.raises(UnpluggedError):
        first.run()

    run, resumed = RunFolder(tmp_path / "run"), MeanColourEngine()
    there = run.open(ABOUT)
    assert there is (stop_after > 1)
    position = run.load(resumed) if there else Position()
    assert position.step == stop_after - 1
    end = trainer(splits, tmp_path / "run", resumed).run(position)
    assert (end.epoch, end.step) == (3, 12)
    assert np.array_equal(resumed.weights, whole.weights)
    assert [row["epoch"] for row in run.read_history()] == [1, 2, 3]


def test_going_on_after_the_last_batch_of_an_epoch_measures_it(
    splits: Splits, tmp_path: Path
) -> None:
    class Killed(MeanColourEngine):
        def predict(self, inputs: np.ndarray) -> np.ndarray:
            if self.steps == 4 and len(inputs) < PLAN.batch:  # the rest of the validation split
                raise UnpluggedError
            return super().predict(inputs)

    first = trainer(splits, tmp_path / "run", Killed(), checkpoint_seconds=0)
    with pytest.raises(UnpluggedError):
        first.run()
    run, resumed = RunFolder(tmp_path / "run"), MeanColourEngine()
    events: list[Event] = []
    assert run.open(ABOUT)
    position = run.load(resumed)
    assert (position.epoch, position.batch) == (0, 4)
    end = trainer(splits, tmp_path / "run", resumed, watch=events.append).run(position)
    assert (end.epoch, end.step) == (3, 12)
    rows = json.loads((tmp_path / "run" / "history.json").read_text(), parse_constant=pytest.fail)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert [row["loss"] is None for row in rows] == [True, False, False]
    assert events[0].report == rows[0]
    assert events[0].rate == PLAN.rate_at(3, 12)


def test_a_loss_that_is_not_a_number_stops_and_keeps_the_last_checkpoint(
    splits: Splits, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"loss became nan in epoch 2, step 6.*--lr"):
        trainer(splits, tmp_path / "run", MeanColourEngine(poison_at=6)).run()
    run, engine = RunFolder(tmp_path / "run"), MeanColourEngine()
    assert run.load(engine).epoch == 1
    assert np.isfinite(engine.weights).all()
    assert engine.weights.any()


def test_a_full_disk_is_told_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    class Stuffed(MeanColourEngine):
        def save(self, path: Path) -> None:
            path.symlink_to("/dev/full")
            super().save(path)

    run, engine = RunFolder(tmp_path / "run"), MeanColourEngine()
    run.open(ABOUT)
    engine.weights += 1
    run.save(engine, Position(1, 0, 4, 1.0))
    with pytest.raises(TrainingError, match="No space left on device; the last checkpoint is kept"):
        run.save(Stuffed(), Position(2, 0, 8, 2.0))
    engine = MeanColourEngine()
    assert run.load(engine).step == 4
    assert (engine.weights == 1).all()


def test_two_checkpoints_are_kept_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    run, engine = RunFolder(tmp_path / "run"), MeanColourEngine()
    run.open(ABOUT)
    for step in (1, 2, 3):
        run.save(engine, Position(0, step, step, 0.0))
    kept = sorted(path.name for path in (tmp_path / "run").glob("checkpoint-*"))
    assert kept == ["checkpoint-00000002", "checkpoint-00000003"]
    (tmp_path / "run" / kept[1] / "state").write_bytes(b"x")
    with pytest.raises(TrainingError, match=r"checkpoint-00000003 is damaged.*checksum"):
        run.load(engine)
    for file in (tmp_path / "run" / kept[1]).iterdir():
        file.unlink()
    (tmp_path / "run" / kept[1]).rmdir()
    assert run.load(engine).step == 2


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    class Wider(MeanColourEngine):
        def __init__(self) -> None:
            super().__init__()
            self.weights = np.zeros((5, 3), np.float32)

    run = RunFolder(tmp_path / "run")
    run.open(ABOUT)
    run.save(Wider(), Position())
    with pytest.raises(TrainingError, match="does not fit this network"):
        run.load(MeanColourEngine())


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    assert run.open(ABOUT) is False
    assert run.open(ABOUT) is False
    with pytest.raises(TrainingError, match=r"holds another run \(labels is \['red', 'blue'\]"):
        run.open({**ABOUT, "labels": ["red"]})


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(TrainingError, match="is not empty and holds no run"):
        RunFolder(tmp_path).open(ABOUT)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_batch_is_the_same_whenever_it_is_made(splits: Splits) -> None:
    def batches(epoch: int) -> Batches:
        settings = {"batch": 4, "epoch": epoch, "seed": 1, "jitter": 1.0}
        return Batches(splits.train, InputSpec(32), **settings)

    first, again, other = batches(0), batches(0), batches(1)
    assert len(first) == 4
    for number, batch in enumerate(again.ahead(0)):
        assert np.array_equal(first.make(number).inputs, batch.inputs)
        assert np.array_equal(first.make(number).truth, batch.truth)
    assert [len(list(first.ahead(n))) for n in (0, 3, 4)] == [4, 1, 0]
    assert not np.array_equal(first.order, other.order)
    assert first.make(0).inputs.shape == (4, 32, 32, 3)


def test_an_epoch_sees_every_picture_once() -> None:
    many = samples(16, 3)
    batches = Batches(many, InputSpec(32), batch=4, epoch=5, seed=9, jitter=0)
    assert sorted(batches.order) == list(range(16))
