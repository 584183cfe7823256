"""Books as Project Gutenberg publishes them: names, encodings, boilerplate, paragraphs, catalogue."""
