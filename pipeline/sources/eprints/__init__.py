"""What arXiv hands out: identifiers, packed sources and the metadata snapshot."""
