"""Measures speed and size against the goals: `make bench`."""
