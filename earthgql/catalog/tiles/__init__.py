"""Queries over tiles: filter, look-up, viewports as rows or columns, export."""
