"""LaTeX sources as one clean text."""
