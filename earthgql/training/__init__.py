"""Data sets, training, evaluation and thresholds of the models."""
