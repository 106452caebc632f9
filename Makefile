# SPDX-License-Identifier: GPL-3.0-or-later
# make run   starts Daysheet with a demo schedule        make test   runs the whole suite
# make check format, lint and types                      make clean  removes what make made (var/ is kept)

PYTHON ?= python3
# A file's tests stay together; each of the two processes starts a PostgreSQL of its own.
PYTEST_ARGS ?= -n 2 --dist loadfile --no-loadscope-reorder
BENCH_ARGS ?= --events 1000,10000,100000 --write docs --json build/bench.json

VENV := .venv
BIN := $(VENV)/bin
# What running needs, and on top of it what tests, checks and benchmarks need. Both are in the same environment.
RUNNING := $(VENV)/installed-to-run
EVERYTHING := $(VENV)/installed-to-test
# Two times quiet: errors only. Root is common in containers, where pip's warning about it says nothing useful.
# An environment without a pip of its own is made in no time; its Python's pip installs into it (pip 22.3 and newer).
OUTSIDE := -m pip --python $(BIN)/python
HAS_PIP := $(PYTHON) -m pip --help 2>/dev/null | grep -q -e --python
PIP := PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
	$$(if [ -e $(VENV)/with-pip ]; then echo $(BIN)/python -m pip; else echo $(PYTHON) $(OUTSIDE); fi) install -qq
# Loading what the first start loads also compiles it; compiling all that pip has installed takes twice as long.
FIRST := server.cli.operation.serve, server.cli.operation.demo, server.cli.operation.worker, \
	server.wsgi, server.plain, storage_plugin, auth_plugin, alembic.command
SINCE = echo "Done in $$(( $$(date +%s) - start )) s."

.PHONY: setup run test check format messages bench lock clean

setup: $(EVERYTHING)

$(RUNNING): pyproject.toml requirements-run.lock requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Daysheet needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
	@set -e; start=$$(date +%s); \
	echo "Making an environment in $(VENV) with $$($(PYTHON) --version) ..."; \
	if $(HAS_PIP); then $(PYTHON) -m venv --clear --without-pip $(VENV); \
	else $(PYTHON) -m venv --clear $(VENV); touch $(VENV)/with-pip; fi; \
	echo "Installing the $$(grep -c == requirements-run.lock) packages that Daysheet runs with ..."; \
	$(PIP) --no-compile --no-deps --require-hashes -r requirements-run.lock -r requirements-build.lock; \
	echo "Installing the command daysheet ..."; \
	$(PIP) --no-deps --no-build-isolation --editable .; \
	echo "Preparing the first start ..."; \
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import $(FIRST)'; \
	$(SINCE)
	@touch $@

$(EVERYTHING): $(RUNNING) requirements.lock
	@set -e; start=$$(date +%s); \
	echo "Adding what tests, checks and benchmarks need ..."; \
	$(PIP) --no-deps --require-hashes -r requirements.lock; \
	$(SINCE)
	@touch $@

run: $(RUNNING)
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

# After a text was marked for translation or changed: adds it to the catalogues, and tells what has no translation yet.
messages: setup
	@$(BIN)/python -m server.pages.words.catalogue

# Writes docs/performance.md's tables and the plots at its end; twenty minutes or so on an idle machine.
bench: setup
	@mkdir -p build
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

# Exact and hashed: everything in one environment, what running takes, and what builds the package. Run it after a
# change in pyproject.toml.
LOCK := build/lock/bin/uv pip compile --quiet --generate-hashes --python-version 3.11 \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml
lock:
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(LOCK) --upgrade --extra test --extra bench --output-file requirements.lock
	@$(LOCK) --constraint requirements.lock --output-file requirements-run.lock
	@awk '/^[^ ]/ { wanted = /^setuptools==/ } wanted' requirements.lock > requirements-build.lock

clean:
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
