"""Passes that label what a corpus has twice, and what it must not have; see `pipeline.steps.PASSES`."""
