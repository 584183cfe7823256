"""Weights, token budgets, sampling and shards."""
