"""How good a model is, and the thresholds, calibration and statistics chosen on validation."""
