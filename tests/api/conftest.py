"""Tests here use the application on a scene of 100 tiles."""

from support.small_scene import api, fresh_api, raster

__all__ = ["api", "fresh_api", "raster"]
