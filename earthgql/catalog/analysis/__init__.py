"""Sums over areas: histogram, timeline, changes and comparison, and what they share."""
