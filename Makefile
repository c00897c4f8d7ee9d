# make bench       install and run the main study; STUDY=smoke for another one
# make test        lint, types and the tests of what one process does
# make test-system the tests of whole studies, browsers, MLflow servers, launchers, faults, the notebook and every cell's kernel
# make test-fast   what make test runs, without the files that take 4 s or more: run it after an edit
# make wheel-test  run the wheel alone in an empty environment
# make lowest      try the lowest versions that pyproject.toml allows; TORCH=2.13.0 for a torch other than the lowest
# make faults      inject every fault at its full count; COUNT=short for each once or twice
# make engines     run a study, and faults, on SLURM, Ray and MLflow with PostgreSQL, where installed: as root, on loopback
# make ui          show the runs in MLflow: those of mlflow.db here, or of MLFLOW_TRACKING_URI
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY ?= copy_task

PYTEST := $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: bench help test test-system test-fast lint types tests wheel-test lowest faults engines ui clean

bench: $(VENV)/installed
	$(BIN)/python -m lstm_bench +experiment=$(STUDY)

help:
	@sed -n 's/^# \(make \|  *\)/\1/p' Makefile

test: lint types tests

test-system: $(VENV)/installed-dev
	$(PYTEST) -m system

test-fast: lint types
	$(PYTEST) -m "not system and not slow"

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	MYPY_NUM_WORKERS=auto $(BIN)/mypy

tests: $(VENV)/installed-dev
	$(PYTEST) -m "not system"

# The wheel, alone in an empty environment, runs the smoke study from another folder.
wheel-test: $(VENV)/installed-dev
	BUILD_PYTHON=$(BIN)/python PYTHON=$(PYTHON) sh tests/wheel_test.sh

# The lowest versions of every dependency, alone in an empty environment: minutes, and gigabytes where torch comes with CUDA.
lowest:
	@$(call is_allowed,$(PYTHON)) || $(call told,$(PYTHON) is not Python 3.11 to 3.13: make ... PYTHON=python3.12)
	PYTHON=$(PYTHON) TORCH=$(TORCH) sh tests/lowest_test.sh

# Every fault at its full count; COUNT=short for each once or twice.
faults: $(VENV)/installed-dev
	$(BIN)/python tests/faults $(COUNT)

# Where a program is missing, its tests are skipped and name it: apt-get install slurm-wlm munge postgresql iproute2
engines: $(VENV)/installed-engines
	$(BIN)/python tests/engines

ui: $(VENV)/installed
	@case "$$MLFLOW_TRACKING_URI" in \
	http://*|https://*) echo "The runs are at $$MLFLOW_TRACKING_URI (MLFLOW_TRACKING_URI)." ;; \
	*) exec $(BIN)/mlflow ui --host 127.0.0.1 --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" ;; \
	esac

# What would fail in words that name no remedy is checked first.
is_allowed = $(1) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
told = { echo "$(1)" >&2; exit 1; }

$(BIN)/python:
	@$(call is_allowed,$(PYTHON)) || $(call told,$(PYTHON) is not Python 3.11 to 3.13: make ... PYTHON=python3.12)
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	@$(call is_allowed,$(BIN)/python) || $(call told,$(VENV) is not of Python 3.11 to 3.13: rm -rf $(VENV) && make ... PYTHON=python3.12)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(call told,$(VENV) is incomplete and has no pip: rm -rf $(VENV) && make (on Debian apt install python3-venv before))
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

$(VENV)/installed-engines: $(VENV)/installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[slurm,ray,server]"
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
