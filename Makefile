# Needs Python 3.11 or newer and make; everything else is installed into .venv from this project's files.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE =

.PHONY: install install-verified demo dev test test-lowest check

install: .venv/installed

demo: .venv/installed            ## replay three years of taxi rides through the pipeline
	$(BIN)/retrain demo

dev: .venv/installed             ## the Dagster UI, sensors on, on http://127.0.0.1:3000
	$(BIN)/retrain dev

install-verified: .venv/bin/python ## the same, from files whose digests are known, then `make demo` and `make dev` as they are
	$(BIN)/python -m pip install --quiet --compile --require-hashes --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch .venv/installed

test: .venv/installed-test       ## every test; those that need Chromium are skipped where there is none
	$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder -q

test-lowest: .venv-lowest/installed   ## the same tests on the lowest versions that the project declares
	.venv-lowest/bin/python -m pytest -n 2 --dist loadgroup -q

check: .venv/installed-test      ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy retrain_assets

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --compile --constraint constraints.txt --editable '.[ui,alerts,serve]'
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/python -m pip install --quiet --compile --constraint constraints.txt --editable '.[test]'
	touch $@

.venv-lowest/installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --compile --constraint constraints-lowest.txt --editable '.[test]'
	touch $@
