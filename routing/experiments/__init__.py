"""Experiments in production: a draft takes turns with the policy in use, by slices of time."""
