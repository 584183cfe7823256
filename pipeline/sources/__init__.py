"""One file per input format, with its text conversion beside it."""
