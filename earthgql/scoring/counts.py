"""What a batcher tells of itself."""

from dataclasses import dataclass


@dataclass
class BatchCounts:
    """What a batcher has done so far.

    Attributes:
        batches: batches that the engine was given.
        tiles: tiles in them.
        failed: tiles without scores: the engine's error, or scores that are no numbers.
        dropped: tiles cancelled or late before they ran.
        longest_queue: most tiles that waited at once.
    """

    batches: int = 0
    tiles: int = 0
    failed: int = 0
    dropped: int = 0
    longest_queue: int = 0

    @property
    def mean_batch(self) -> float:
        """Tiles per batch."""
        return self.tiles / self.batches if self.batches else 0.0
