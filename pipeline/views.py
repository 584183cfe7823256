"""The views of `winnow sql`, whatever the run: what each shows. Tables of passes come besides."""

VIEWS = {
    "documents": "documents that survive, with every signal and label",
    "dropped": "the ledger: documents dropped, with signals, text and dropped_by (all rules failed)",
    "shards": "the drawn corpus, as the Parquet shards have it",
    "rules": "documents and tokens dropped per rule, and those dropped by that rule alone",
    "duplicates": "members of clusters of two and more: rank 0 is the copy that was kept",
    "cuts": "what passes took out of texts: the bytes from `start` to `end` of the text as it was then",
    "skipped": "input records left out before they became documents, by unit and reason",
    "units": "input files with what became of their documents",
    "steps": "what was done, in order: source or layer, step, options, and the models and files behind it",
}
