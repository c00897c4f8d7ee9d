# make bench: install and run the main study.  make test: lint, types, tests.  make ui: look at the runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY ?= copy_task

.PHONY: bench test lint types tests wheel-test faults ui clean

bench: $(VENV)/installed
	$(BIN)/python -m lstm_bench +experiment=$(STUDY)

test: lint types tests

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

tests: $(VENV)/installed-dev
	$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

# The wheel, alone in an empty environment, runs the smoke study from another folder.
wheel-test: $(VENV)/installed-dev
	BUILD_PYTHON=$(BIN)/python PYTHON=$(PYTHON) sh tests/wheel_test.sh

# Every fault at its full count; COUNT=short for each once or twice.
faults: $(VENV)/installed-dev
	$(BIN)/python tests/faults $(COUNT)

ui: $(VENV)/installed
	$(BIN)/mlflow ui --host 127.0.0.1 --backend-store-uri sqlite:///mlflow.db

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
