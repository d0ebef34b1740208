"""Scores for tiles: stored ones, else pixels are read, classified and the scores stored."""
