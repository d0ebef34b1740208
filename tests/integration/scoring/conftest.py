"""Fixtures: a scene of six tiles, and the statements that an engine runs."""

from support.six_tiles import place, statements

__all__ = ["place", "statements"]
