# Two commands, each with all its set-up: `make results` and `make test`.
PYTHON ?= python3
CORES ?= 8
TEST_PROCESSES ?= 2
# Files in the order of tests/conftest.py: what takes longest starts first.
PYTEST := -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help results test quick lint environment

help:
	@echo "make results   environment, then every table and figure of the default run"
	@echo "make test      environment, then the whole test suite"
	@echo "make quick     environment, then the tests without the workflow and the slow physics"
	@echo "make lint      formatting, types and workflow checks"

environment: $(VENV)/.installed

# Pinned versions are the ones that the tests and the published tables were made with.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[environments,era5,slurm,tensorboard,test]"
	touch $@

results: environment
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --cores $(CORES) all

test: environment
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python $(PYTEST)

quick: environment
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python $(PYTEST) -m "not workflow and not validation"

lint: environment
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check workflow
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --lint
