"""One published method per file: what it measures, its columns, its published rules."""
