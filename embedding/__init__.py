"""Embeddings: from texts to unit vectors. dedup/ and classifiers/ use them."""
