# `make` alone lists the targets. Recipes are short; what they call lives in scripts/ and pyproject.toml.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/otel-distro

.PHONY: help setup demo fmt lint types walls test jaeger test-jaeger faults fuzz bench docs build check clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.done: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	$(BIN)/python -m pip install -q --editable . --group dev
	touch $@

setup: .venv/.done ## make the virtual environment

demo: setup ## trace a real Django app and print the trace
	$(BIN)/python scripts/demo.py

fmt: setup ## format the code
	$(BIN)/ruff format src tests benchmarks scripts examples
	$(BIN)/ruff check --fix src tests benchmarks scripts examples

lint: setup ## check format and lint rules
	$(BIN)/ruff format --check src tests benchmarks scripts examples
	$(BIN)/ruff check src tests benchmarks scripts examples

types: setup ## check types
	$(BIN)/mypy

walls: setup ## check that imports go down only
	$(BIN)/lint-imports

test: setup ## run every test that needs no other server
	$(BIN)/python -m pytest -n 4 -m "not jaeger and not tier2 and not browser"

jaeger: ## install a real Jaeger with the Go toolchain
	scripts/install_jaeger.sh

test-jaeger: setup ## run the end-to-end tests against a real Jaeger
	$(BIN)/python -m pytest -n 2 -m jaeger tests

faults: setup ## run the slow fault rows too
	$(BIN)/python -m pytest -n 4 -m "not browser" tests/faults

fuzz: setup ## run the fuzz tests with many more examples
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest tests/fuzz

bench: setup ## measure cost against no tracing and against opentelemetry-instrument
	$(BIN)/python -m benchmarks

docs: setup ## write the generated reference pages
	$(BIN)/python -m scripts.write_docs

build: setup ## build the wheel and the source distribution
	$(BIN)/python -m pip install -q build && $(BIN)/python -m build -q

check: lint types walls test ## everything that CI runs, but for the real Jaeger

clean: ## remove what was made here
	rm -rf .venv build dist output .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
