# make run      installs and runs recipes/factory.yaml to a published model with a report
# make test     installs what the tests need and runs them
# make check    style, types, import contracts, and whether generated files are fresh
# make strict   what a contributed recipe has to pass, for the recipes that differ from BASE
# make install  the first part of `make run` alone
# make gpu-bundle  what a CUDA machine without a network lacks for benchmarks/gpu.py, in GPU_BUNDLE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RECIPE ?= recipes/factory.yaml

GPU_BUNDLE ?= build/gpu-bundle
GPU_PYTHON ?= 3.12

# A contribution is what came since the branch left BASE, and what is not committed yet.
BASE ?= origin/main
FORMAT ?= text
RECIPES := ':(glob)recipes/**/*.yaml'

.PHONY: run test check strict install schemas gpu-bundle clean
.DELETE_ON_ERROR:

run: $(VENV)/installed
	$(BIN)/cosmos-recipe run $(RECIPE)

install: $(VENV)/installed

test: $(VENV)/installed-tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

check: $(VENV)/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cosmos-recipe schema --check
	$(BIN)/cosmos-recipe check recipes/*.yaml recipes/community/*.yaml
	$(BIN)/python tests/style.py

# File names come from strangers: they never become part of a command.
strict: SHELL := bash
strict: .SHELLFLAGS := -o pipefail -c
strict: $(VENV)/installed
	{ git diff -z --name-only --diff-filter=d --merge-base $(BASE) -- $(RECIPES) && \
	  git ls-files -z --others --exclude-standard -- $(RECIPES); } \
	  | sort -zu | xargs -0r $(BIN)/cosmos-recipe check --strict --format $(FORMAT)

schemas: $(VENV)/installed
	$(BIN)/cosmos-recipe schema
	$(BIN)/python docs/fields.py
	$(BIN)/python docs/tasks.py
	$(BIN)/python docs/plans.py

gpu-bundle: $(VENV)/installed
	$(BIN)/python benchmarks/bundle.py $(GPU_BUNDLE) --python $(GPU_PYTHON)

clean:
	rm -rf $(VENV) build dist

# Some Python installations come without ensurepip: then the pip of this Python fills the new environment.
$(BIN)/pip:
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install pip; }

# torch goes first: with it in place pip has far fewer versions of the rest to weigh.
$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e .
	touch $@

$(VENV)/installed-tests: $(VENV)/installed
	$(PIP) install -c constraints.txt -e '.[test]'
	touch $@
