# `make` alone lists the goals. Every goal sets up what it lacks, so each works first on a fresh clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.synced
LOCK   := requirements/dev.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check lint format types imports bench chaos compiled lock clean $(VENV)

help:  ## list the goals
	@awk -F ':.*## ' '/^[a-z.$$()A-Z]+:.*## / { sub(/\$$\(VENV\)/, ".venv", $$1); printf "  make %-9s %s\n", $$1, $$2 }' Makefile

run: $(STAMP)  ## play a market through the pipeline, live in the terminal (ARGS="--headless ...")
	$(BIN)/prism up $(ARGS)

# Files in the order of the folders: the long ones of integration/ come before the many short ones of
# unit/, which fill both workers up to the end. Else pytest-xdist keeps files of few, long tests for last.
test: compiled  ## all tests (ARGS="-k book" for some)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

check: lint types imports test  ## what CI runs: lint, format, types, import rules, tests

lint: $(STAMP)  ## ruff, without changing anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)  ## ruff: sort imports, mend what is safe, format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)  ## mypy --strict; prints how many files it checked
	$(BIN)/mypy

imports: $(STAMP)  ## who may import whom
	$(BIN)/lint-imports --no-logo

bench: compiled  ## measure the hot paths
	$(BIN)/python -m tests.bench $(ARGS)

chaos: compiled  ## the full kill and disturbance matrix (long)
	$(BIN)/python -m pytest -m chaos --timeout 3600 $(ARGS)

compiled: $(STAMP)  ## indicators, dimensions and the join as machine code, where there is a C compiler
	@$(BIN)/python infra/compile.py

$(VENV): $(STAMP)  ## the virtualenv, synced with the lock

# A changed lock or build file syncs again; otherwise this costs one stat.
$(STAMP): $(LOCK) pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "error: no '$(PYTHON)' on the path; install Python 3.11 or newer (Debian: apt-get install python3 python3-venv) or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: '$(PYTHON)' is not a working Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "error: '$(PYTHON) -m venv' failed; on Debian and Ubuntu it is a package of its own: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

lock: $(STAMP)  ## pin requirements/*.in anew, with hashes of every platform's artefacts
	$(call pin,runtime)
	$(call pin,dev)

# Local wheels and mirrors of this machine must not decide what everyone installs.
UV_COMPILE := env -u UV_FIND_LINKS $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
  --generate-hashes --no-header --annotation-style line
pin = $(UV_COMPILE) $(LOCK_ARGS) --output-file requirements/$(1).txt requirements/$(1).in

clean:  ## remove the virtualenv, caches and build output
	rm -rf $(VENV) agents/_compiled build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
