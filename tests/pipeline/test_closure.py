"""Which files' changes make a step run again."""

from pipeline.closure import code_digest, followed


def test_a_digest_follows_the_imports_of_a_module_and_no_further() -> None:
    found = set(followed(["pipeline.sources.warc"]))
    assert {"pipeline.sources.warc", "pipeline.sources.crawl.records", "pipeline.sources.streams"} <= found
    assert not found & {"pipeline.sources.parquet", "pipeline.plan", "filters.gopher"}


def test_a_package_and_a_module_within_it_are_both_found() -> None:
    names = ["text", "text.words", "text.words.cut_words"]
    assert list(followed(names)) == ["text.words", "text"]


def test_two_modules_have_two_digests_and_one_has_one() -> None:
    assert code_digest(("filters.gopher",)) == code_digest(("filters.gopher",))
    assert code_digest(("filters.gopher",)) != code_digest(("filters.c4",))


def test_tables_that_a_module_reads_are_part_of_it() -> None:
    found = followed(["pipeline.sources.github"])
    for name in ("languages.tsv", "ambiguous.tsv", "licenses.tsv"):
        assert found[f"pipeline/sources/code/{name}"].is_file()
    assert not any(name.endswith(".tsv") for name in followed(["pipeline.sources.arxiv"]))
