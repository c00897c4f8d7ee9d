# make bench       install and run the main study; STUDY=smoke for another one
# make test        lint, types and all tests
# make test-fast   lint, types and the tests without those of tests/slow_files.py, which train whole studies, start
#                  servers, browsers and many processes, inject faults or draw many figures: run it after an edit
# make wheel-test  run the wheel alone in an empty environment
# make faults      inject every fault at its full count; COUNT=short for each once or twice
# make ui          look at the runs in MLflow
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY ?= copy_task

PYTEST := $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: bench help test test-fast lint types tests wheel-test faults ui clean

bench: $(VENV)/installed
	$(BIN)/python -m lstm_bench +experiment=$(STUDY)

help:
	@sed -n 's/^# \(make \|  *\)/\1/p' Makefile

test: lint types tests

test-fast: lint types
	$(PYTEST) -m "not slow"

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

tests: $(VENV)/installed-dev
	$(PYTEST)

# The wheel, alone in an empty environment, runs the smoke study from another folder.
wheel-test: $(VENV)/installed-dev
	BUILD_PYTHON=$(BIN)/python PYTHON=$(PYTHON) sh tests/wheel_test.sh

# Every fault at its full count; COUNT=short for each once or twice.
faults: $(VENV)/installed-dev
	$(BIN)/python tests/faults $(COUNT)

ui: $(VENV)/installed
	$(BIN)/mlflow ui --host 127.0.0.1 --backend-store-uri sqlite:///mlflow.db

$(BIN)/python:
	@$(PYTHON) -c 'import sys; from lstm_bench.python_version import refusal; sys.exit(refusal() and refusal() + "; make PYTHON=python3.13" or 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
