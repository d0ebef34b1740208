"""The private PostGIS of a clone: its packages, its programs, its cluster and its user."""
