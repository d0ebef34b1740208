"""Resolvers of the entry points."""
