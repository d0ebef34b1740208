"""Fixtures: a scene of six tiles."""

from support.six_tiles import place

__all__ = ["place"]
