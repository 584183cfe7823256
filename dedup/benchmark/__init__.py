"""Benchmark sets: read, cut into n-grams, looked for in texts."""
