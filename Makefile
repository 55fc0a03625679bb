# One line per target: what a person types, and what it does.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ROLES := --target defaulted --prediction risk --time time
BUILD ?= docker build
REGISTRY ?=
TAG ?= 0.1.0
IMAGES := steps train report predictor
RENDERED := examples/flights/policy.yaml examples/regression/policy.yaml --defaults k8s/defaults.yaml --platform k8s/platform.yaml --out .

.PHONY: help install demo opinion test test-slow check format render images image-tag bench clean

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

demo: $(READY) ## Play a year of a flight-delay model through the real loop (sets itself up)
	$(BIN)/modelmedic demo --output demo-output

opinion: $(READY) ## Plant a drift in one segment of made data, then find it from two files
	$(BIN)/python examples/two_windows.py opinion-output
	$(BIN)/modelmedic detect opinion-output/reference.parquet opinion-output/current.csv $(ROLES)
	$(BIN)/modelmedic diagnose opinion-output/reference.parquet opinion-output/current.csv $(ROLES) --report opinion-output/report.html

test: $(READY) ## Run the tests (sets itself up)
	$(BIN)/pytest

test-slow: $(READY) ## Run the tests that take longer than a newcomer waits
	$(BIN)/pytest -m "slow and not e2e"

e2e: $(READY) ## On the cluster of KUBECONFIG: the part of the end-to-end suite that fits into 20 minutes
	$(BIN)/pytest -m "e2e and not slow" tests/e2e -x -rs

e2e-full: $(READY) ## The whole end-to-end suite
	$(BIN)/pytest -m "e2e" tests/e2e -rs

cluster-demo: $(READY) ## On the cluster of KUBECONFIG: install the quickstart, let a model drift, watch one heal, clean up
	$(BIN)/python -m modelmedic.examples.cluster.demo

cluster-demo-clean: $(READY) ## Take away what an interrupted or kept cluster-demo left
	$(BIN)/python -m modelmedic.examples.cluster.clean

check: $(READY) ## Lint, types, import contracts, and the rendered tree against its policies
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/modelmedic render $(RENDERED) --check
	$(BIN)/modelmedic lint .

format: $(READY) ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

render: $(READY) ## Write the manifests of the examples below k8s/ and argo-events/
	$(BIN)/modelmedic render $(RENDERED)

images: ## Build the images: BUILD="podman build" or "buildah build", REGISTRY=registry.example.com/, TAG=…
	@set -e; for name in $(IMAGES); do \
	    $(BUILD) -t $(REGISTRY)modelmedic/$$name:$(TAG) -f containers/$$name.Dockerfile .; done
	@echo "of these sources: TAG=$$($(MAKE) -s --no-print-directory image-tag)"

image-tag: ## Say the tag that names what goes into the images
	@# the hash of the git tree that these files would make as they lie here, committed or not; nothing is left in the repository
	@made=$$(mktemp -d) && trap 'rm -rf "$$made"' EXIT && mkdir "$$made/objects" && \
	    export GIT_INDEX_FILE="$$made/index" GIT_OBJECT_DIRECTORY="$$made/objects" && \
	    git -c core.autocrlf=false add modelmedic steps containers constraints.txt pyproject.toml && git write-tree > "$$made/tree" && cut -c1-12 "$$made/tree"

bench: $(READY) ## Measure: diagnosis on planted faults, rendering
	$(BIN)/python -m tests.benchmarks.fault_bench --quick
	$(BIN)/python -m tests.benchmarks.render.speed

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis demo-output opinion-output
