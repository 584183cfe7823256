"""Passes that label duplicates: url, exact, minhash."""
