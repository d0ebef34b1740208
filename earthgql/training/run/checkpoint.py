"""A run's folder: what the run is, where it stands, and how it went, each written atomically."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from earthgql.errors import TrainingError
from earthgql.files import draft
from earthgql.models.engines.keras.network import first_line

RUN_FILE = "run.json"
HISTORY_FILE = "history.json"
WEIGHTS_FILE = "model.weights.h5"
_STATE_FILE = "state"
_POSITION_FILE = "position.json"
_KEPT = 2


class Storable(Protocol):
    """What can write itself to a file and read itself back."""

    def save(self, path: Path) -> None:
        """Write to a file."""

    def load(self, path: Path) -> None:
        """Read what ``save`` wrote."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands: ``batch`` is the next one of ``epoch``; both count from 0."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0


class RunFolder:
    """The folder of a run.

    Raises:
        TrainingError: by every method, when the disk refuses or a file is not what it should be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, description: dict[str, Any]) -> bool:
        """Begin a run here, or go on with the one that is here.

        Args:
            description: all that decides the outcome; JSON-like.

        Returns:
            Whether there is a run to go on with.
        """
        described = json.loads(json.dumps(description))
        file = self.path / RUN_FILE
        if file.exists():
            _refuse_other_run(self.path, _read_json(file), described)
            return any(self._checkpoints())
        if self.path.exists() and any(self.path.iterdir()):
            raise TrainingError(f"{self.path} is not empty and holds no run; choose another --out")
        self.write_json(RUN_FILE, described)
        return False

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file in one step."""
        with self.replacing(name) as temporary:
            temporary.write_text(json.dumps(content, indent=1) + "\n")

    def read_history(self) -> list[dict[str, Any]]:
        """The epochs so far."""
        file = self.path / HISTORY_FILE
        history: list[dict[str, Any]] = _read_json(file) if file.exists() else []
        return history

    @contextlib.contextmanager
    def replacing(self, name: str) -> Iterator[Path]:
        """A temporary file that takes the place of ``name`` when the block is done."""
        with _disk_errors(self.path), draft(self.path / name, alone=True) as temporary:
            yield temporary
            _sync(temporary)

    def save(self, engine: Storable, position: Position) -> None:
        """Keep a checkpoint; the ones before the last two go."""
        final = self.path / f"checkpoint-{position.step:08d}"
        with _disk_errors(self.path), draft(final, alone=True) as fresh:
            fresh.mkdir()
            engine.save(fresh / _STATE_FILE)
            about = {
                "epoch": position.epoch,
                "batch": position.batch,
                "step": position.step,
                "seconds": round(position.seconds, 1),
                "sha256": _sha256(fresh / _STATE_FILE),
            }
            (fresh / _POSITION_FILE).write_text(json.dumps(about))
            _sync(fresh / _STATE_FILE)
            _sync(fresh / _POSITION_FILE)
        for old in self._checkpoints()[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def load(self, engine: Storable) -> Position:
        """Bring an engine to the newest checkpoint."""
        newest = self._checkpoints()[-1]
        about = _read_json(newest / _POSITION_FILE)
        state = newest / _STATE_FILE
        if not state.exists() or _sha256(state) != about.get("sha256"):
            raise TrainingError(
                f"{newest} is damaged (its checksum does not match); delete that folder to go on"
                " from the checkpoint before it"
            )
        try:
            engine.load(state)
        except TrainingError:
            raise
        except Exception as error:  # whatever the backend says to state it cannot take
            raise TrainingError(
                f"{newest} does not fit this network: {first_line(error)}; choose another --out"
            ) from None
        return Position(about["epoch"], about["batch"], about["step"], about["seconds"])

    def _checkpoints(self) -> list[Path]:
        return sorted(self.path.glob("checkpoint-*"))


def _refuse_other_run(path: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    different = [
        f"{key} is {there.get(key)!r} there, now {wanted.get(key)!r}"
        for key in sorted(there.keys() | wanted.keys())
        if there.get(key) != wanted.get(key)
    ]
    if different:
        raise TrainingError(
            f"{path} holds another run ({'; '.join(different)}); choose another --out"
        )


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"cannot write to {path}: {error.strerror or error}; the last checkpoint is kept, run"
            " the same command again to go on from it"
        ) from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read: {error}") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
