# Two commands do all the set-up, in .venv: `make demo` (the main job) and `make test`.

PYTHON ?= python3.11
VENV := .venv/bin
PIP := $(VENV)/python -m pip --disable-pip-version-check --quiet
LOCK := --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate

.PHONY: demo test test-long check bench lock clean

demo: .venv/.run
	$(VENV)/bcf demo

test: .venv/.dev
	$(VENV)/python -m pytest -n 2 --dist loadfile

test-long: .venv/.dev
	$(VENV)/python -m pytest -m long

check: .venv/.dev
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy
	$(VENV)/lint-imports

bench: .venv/.dev
	$(VENV)/python -m benchmarks.whole_run
	$(VENV)/python -m benchmarks.trace

# Pins every package anew; the locks are what the other targets install.
lock: .venv/.made
	$(PIP) install uv
	$(VENV)/uv pip compile pyproject.toml $(LOCK) --group build --output-file requirements.lock
	$(VENV)/uv pip compile pyproject.toml $(LOCK) --group build --group dev --constraint requirements.lock --output-file requirements-dev.lock

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
	rm -rf .venv demo
