"""What stands in more than one place: lines and spans, counted and found again out of core."""
