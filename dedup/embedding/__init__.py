"""Embeddings: from texts to unit vectors, and to clusters of these."""
