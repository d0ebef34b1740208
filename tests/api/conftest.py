"""Tests here use the application on a scene of 100 tiles."""

from hypothesis import settings
from support.api_fixtures import api, fresh_api, raster

settings.register_profile("thousand", max_examples=1000)

__all__ = ["api", "fresh_api", "raster"]
