# SPDX-License-Identifier: GPL-3.0-or-later
# make run   starts Daysheet with a demo schedule        make test   runs the whole suite
# make check format, lint and types                      make clean  removes what make made (var/ is kept)

PYTHON ?= python3
# A file's tests stay together; each of the two processes starts a PostgreSQL of its own.
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
BENCH_ARGS ?= --events 1000,10000,100000 --write docs --json build/bench.json

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
# Root is common in containers, where pip's warning about it says nothing useful.
PIP := PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip

.PHONY: setup run test check format bench lock clean

setup: $(STAMP)

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Daysheet needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
	@echo "Installing into $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

run: setup
	@$(BIN)/daysheet start

test: setup
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# Writes docs/performance.md's tables and the plots at its end; twenty minutes or so on an idle machine.
bench: setup
	@mkdir -p build
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

# Exact and hashed: everything in one environment, and what running takes. Run it after a change in pyproject.toml.
LOCK := build/lock/bin/uv pip compile --quiet --generate-hashes --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml
lock:
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(LOCK) --upgrade --extra test --extra bench --output-file requirements.lock
	@$(LOCK) --constraint requirements.lock --output-file requirements-run.lock

clean:
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
