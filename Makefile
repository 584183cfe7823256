# Two commands: `make demo` runs the whole job on the bundled sample, `make test` the whole suite,
# with mypy beside pytest: it has one process only. There are no more workers than cores: each imports,
# collects and loads kernels for itself, and what tests start on Ray fills the gaps.
# Both set up .venv in the checkout first, with the versions of constraints.txt.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test benchmarks clean

demo: .venv/run.stamp
	$(BIN)/winnow run examples/sample.yaml
	$(BIN)/winnow sql examples/sample.yaml "SELECT rule, documents, tokens FROM rules LIMIT 8"

test: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy >.venv/mypy.txt 2>&1 & mypy=$$!; \
	$(BIN)/pytest --numprocesses $(shell nproc) --maxprocesses 4 --dist loadfile --no-loadscope-reorder; tests=$$?; \
	wait $$mypy; types=$$?; cat .venv/mypy.txt; exit $$((tests | types))

benchmarks: .venv/test.stamp
	$(BIN)/python benchmarks/filters.py
	$(BIN)/python benchmarks/minhash.py
	$(BIN)/python benchmarks/warc_to_shards.py

.venv/bin/python:
	$(PYTHON) -c "import sys; sys.exit(None if sys.version_info >= (3, 11) else 'winnow needs Python 3.11 or newer; set PYTHON=')"
	$(PYTHON) -m venv .venv

.venv/run.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/test.stamp: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@ .venv/run.stamp

clean:
	rm -rf .venv out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
