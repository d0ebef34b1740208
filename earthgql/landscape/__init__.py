"""Seeded generator of Amazon-like satellite scenes and training chips with their truth."""

from earthgql.landscape.chip import Chip, make_chip
from earthgql.landscape.labels import LABELS, WEATHER
from earthgql.landscape.scene import SceneRender, render_scene
from earthgql.landscape.version import generator_version

__all__ = [
    "LABELS",
    "WEATHER",
    "Chip",
    "SceneRender",
    "generator_version",
    "make_chip",
    "render_scene",
]
