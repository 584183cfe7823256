"""Sets of n-grams compared out of core: candidates, similarities, shares, components."""
