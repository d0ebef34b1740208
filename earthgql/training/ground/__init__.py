"""Real ground: areas drawn by hand on whole scenes, and the labels of any crop of them."""

from earthgql.training.ground.rules import Reading, read_counts
from earthgql.training.ground.scene import AREAS, GroundScene, read_scene, read_scenes
from earthgql.training.ground.vocabulary import COVERS, bit

__all__ = [
    "AREAS",
    "COVERS",
    "GroundScene",
    "Reading",
    "bit",
    "read_counts",
    "read_scene",
    "read_scenes",
]
