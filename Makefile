# One line per target: what a person types, and what it does.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_TO_PLAY := $(or $(wildcard $(READY)),$(VENV)/.ready-demo)# what is set up whole has all that the demo needs
ROLES := --target defaulted --prediction risk --time time
BUILD ?= docker build
REGISTRY ?=
TAG ?= 0.1.0
BASE ?= $(word 1,$(subst @, ,$(shell sed -n 's/^ARG PYTHON=//p' containers/steps.Dockerfile)))
DIGEST ?= docker buildx imagetools inspect --format '{{.Manifest.Digest}}'
IMAGES := steps train report predictor
WORKERS ?= 2
RENDERED := examples/flights/policy.yaml examples/regression/policy.yaml --defaults k8s/defaults.yaml --platform k8s/platform.yaml --out .
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --strip-extras --no-emit-index-url \
    --no-emit-find-links --custom-compile-command "make lock" $(LOCK)
EXTRAS = $(foreach extra,$(1),--extra $(extra))

# All packages, by the locked versions and hashes of requirements/$(1).txt, then the program itself, editable: with uv where it is on PATH
# or can be had from the package index, else with pip.
define SET_UP
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not there; name another Python 3.11 or later with PYTHON=…" >&2; exit 1; }
	@echo "setting up $(VENV): a minute the first time with uv, a few with pip"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@uv=$$(command -v uv) && $$uv --version >/dev/null 2>&1 || uv=$(BIN)/uv; \
	test -x $$uv || $(BIN)/pip install --quiet --disable-pip-version-check uv 2>/dev/null || true; \
	if test -x $$uv; then install="$$uv pip install --quiet --compile-bytecode --python $(BIN)/python"; \
	else install="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; fi; \
	$$install --no-deps --require-hashes -r requirements/build.txt -r requirements/$(1).txt && \
	PYTHONWARNINGS=ignore $$install --no-deps --no-build-isolation -e .
	@touch $@
endef

.PHONY: help install demo opinion test test-slow adversary e2e e2e-full cluster-demo cluster-demo-clean check format render docs architecture \
    dist lock images push-images pin-base image-tag bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): pyproject.toml requirements/build.txt requirements/all.txt
	$(call SET_UP,all)

$(VENV)/.ready-demo: pyproject.toml requirements/build.txt requirements/demo.txt
	$(call SET_UP,demo)

install: $(READY) ## Set up .venv with everything, at the locked versions

demo: $(READY_TO_PLAY) ## Play a year of a flight-delay model through the real loop (sets itself up)
	$(BIN)/modelmedic demo --output demo-output

opinion: $(READY_TO_PLAY) ## Plant a drift in one segment of made data, then find it from two files
	$(BIN)/python examples/two_windows.py opinion-output
	$(BIN)/modelmedic detect opinion-output/reference.parquet opinion-output/current.csv $(ROLES)
	$(BIN)/modelmedic diagnose opinion-output/reference.parquet opinion-output/current.csv $(ROLES) --report opinion-output/report.html

test: $(READY) ## Run the tests (sets itself up)
	$(BIN)/pytest -n $(WORKERS) --dist loadscope

test-slow: $(READY) ## Run the tests that take longer than a newcomer waits
	$(BIN)/pytest -m "slow and not e2e"

adversary: $(READY) ## Attack the program in some thousands of ways, and say what did not hold (PAGE=--page: in the docs too)
	$(BIN)/python -m tests.adversary $(PAGE)

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
	$(BIN)/deptry .
	$(BIN)/modelmedic render $(RENDERED) --check
	$(BIN)/modelmedic lint .

format: $(READY) ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

render: $(READY) ## Write the manifests of the examples below k8s/ and argo-events/
	$(BIN)/modelmedic render $(RENDERED)

docs: $(READY) ## Build the documentation as a site into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

architecture: $(READY) ## Draw docs/architecture.svg from the imports
	$(BIN)/python -m tests.docs.picture

dist: $(READY) ## Build the sdist, and the wheel from it, into dist/
	$(BIN)/python -m build --no-isolation --outdir dist .

lock: ## Resolve the packages anew: LOCK=--upgrade takes the newest, LOCK="--upgrade-package NAME" one of them (needs uv)
	echo "setuptools>=77" | $(COMPILE) - --output-file requirements/build.txt
	$(COMPILE) pyproject.toml --all-extras --group dev --output-file requirements/all.txt
	$(COMPILE) pyproject.toml $(call EXTRAS,demo) --constraint requirements/all.txt --output-file requirements/demo.txt
	$(COMPILE) pyproject.toml $(call EXTRAS,s3 aliases kube notify) --constraint requirements/all.txt --output-file requirements/steps.txt
	$(COMPILE) pyproject.toml $(call EXTRAS,s3 registry) --constraint requirements/all.txt --output-file requirements/train.txt
	$(COMPILE) pyproject.toml $(call EXTRAS,s3 aliases report notify) --constraint requirements/all.txt --output-file requirements/report.txt
	$(COMPILE) pyproject.toml $(call EXTRAS,serve notify) --constraint requirements/all.txt --output-file requirements/predictor.txt

images: ## Build the images: BUILD="podman build" or "buildah build", REGISTRY=registry.example.com/, TAG=…
	@set -e; for name in $(IMAGES); do \
	    $(BUILD) -t $(REGISTRY)modelmedic/$$name:$(TAG) -f containers/$$name.Dockerfile .; done
	@echo "of these sources: TAG=$$($(MAKE) -s --no-print-directory image-tag)"

pin-base: ## Ask the registry for the digest of the images' base, and write it into the Dockerfiles
	@digest=$$($(DIGEST) $(BASE)) && case "$$digest" in sha256:*) ;; *) \
	    echo "make: $(DIGEST) $(BASE) says '$$digest'; expected sha256:…" >&2; exit 1;; esac && \
	    sed -i.bak "s|^ARG PYTHON=.*|ARG PYTHON=$(BASE)@$$digest|" containers/*.Dockerfile && rm containers/*.bak && \
	    echo "$(BASE)@$$digest"

push-images: ## Push the images to REGISTRY
	@set -e; for name in $(IMAGES); do $(firstword $(BUILD)) push $(REGISTRY)modelmedic/$$name:$(TAG); done

image-tag: ## Say the tag that names what goes into the images
	@# the hash of the git tree that these files would make as they lie here, committed or not; nothing is left in the repository
	@made=$$(mktemp -d) && trap 'rm -rf "$$made"' EXIT && mkdir "$$made/objects" && \
	    export GIT_INDEX_FILE="$$made/index" GIT_OBJECT_DIRECTORY="$$made/objects" && \
	    git -c core.autocrlf=false add modelmedic steps containers requirements pyproject.toml && git write-tree > "$$made/tree" && cut -c1-12 "$$made/tree"

bench: $(READY) ## Measure: diagnosis on planted faults, rendering
	$(BIN)/python -m tests.benchmarks.fault_bench --quick
	$(BIN)/python -m tests.benchmarks.render.speed

clean: ## Remove what the targets made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis site demo-output opinion-output
