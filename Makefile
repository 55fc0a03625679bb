# One line per target: what a person types, and what it does.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ROLES := --target defaulted --prediction risk --time time

.PHONY: help install demo test check format clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not there; name another Python 3.11 or later with PYTHON=…" >&2; exit 1; }
	@echo "setting up $(VENV): a few minutes the first time"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@# setuptools cautions against every editable install of a package in the root: nothing a reader could act on
	PYTHONWARNINGS=ignore $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --group dev -e '.[all]'
	@touch $@

install: $(READY) ## Set up .venv with everything, pinned

demo: $(READY) ## Plant a drift in one segment of made data, then find it (sets itself up)
	$(BIN)/python examples/two_windows.py demo-output
	$(BIN)/modelmedic detect demo-output/reference.parquet demo-output/current.csv $(ROLES)
	$(BIN)/modelmedic diagnose demo-output/reference.parquet demo-output/current.csv $(ROLES)

test: $(READY) ## Run the tests (sets itself up)
	$(BIN)/pytest

check: $(READY) ## Lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis demo-output
