"""Models as stages: language."""
