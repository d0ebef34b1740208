"""Rasters as sources: the options, what is decided about a file, and its tiles."""
