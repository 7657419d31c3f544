# `make demo` and `make test` set up everything they need in .venv.

PYTHON ?= python3.11
VENV := .venv/bin
PIP := $(VENV)/python -m pip --disable-pip-version-check --quiet
LOCK := --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

.PHONY: demo test test-long coverage mutation check docs bench lock clean

demo: .venv/.run
	$(VENV)/bcf demo

test: .venv/.dev
	$(VENV)/python -m pytest -n 2 --dist loadfile

test-long: .venv/.dev
	$(VENV)/python -m pytest -m long
	$(VENV)/python -m pytest -n 2 tests/property --hypothesis-profile=explore

# Branch coverage of the quick tests; fails below the floor in pyproject.toml. Apart from `make test`, which tracing would slow by half.
coverage: .venv/.dev
	rm -rf build/coverage
	mkdir -p build/coverage
	$(VENV)/coverage run -m pytest -n 2 --dist loadfile tests/spec tests/property
	$(VENV)/coverage combine --quiet
	$(VENV)/coverage report

# About two hours: whether the tests notice small changes where a wrong number would do most harm. Not in CI.
mutation: .venv/.dev
	$(VENV)/python -m tests.mutation

check: .venv/.dev
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports

docs: .venv/.dev
	$(VENV)/python docs/build.py

bench: .venv/.dev
	$(VENV)/python -m benchmarks.whole_run
	$(VENV)/python -m benchmarks.trace

# Pin every package anew. The other targets install from the locks.
lock: .venv/.made
	$(PIP) install uv
	$(VENV)/uv pip compile pyproject.toml $(LOCK) --group build --output-file requirements.lock
	$(VENV)/uv pip compile pyproject.toml $(LOCK) --group build --group dev --group docs --constraint requirements.lock --output-file requirements-dev.lock

.venv/.made:
	$(PYTHON) -m venv .venv || python3 -m venv .venv
	touch $@

.venv/.run: .venv/.made requirements.lock
	@echo "Installing into .venv, once: a minute or two"
	$(PIP) install --no-deps --require-hashes --requirement requirements.lock
	$(PIP) install --no-build-isolation --no-deps --editable .
	touch $@

.venv/.dev: .venv/.run requirements-dev.lock requirements-data.lock
	@echo "Installing what the tests need, once: a minute or two"
	$(PIP) install --no-deps --require-hashes --requirement requirements-dev.lock --requirement requirements-data.lock
	tests/install_browser.sh
	touch $@

clean:
	rm -rf .venv demo build
