"""Tests here use the application on a scene of 100 tiles."""

from support.api_fixtures import api, fresh_api, raster

__all__ = ["api", "fresh_api", "raster"]
