"""Web pages: main text, fragments of HTML as text, formulas, code and what a page says of itself."""
