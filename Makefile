# `make` sets up .venv once. After that: make quickstart | test | lint | types | unit | flows | contracts | meta | docs | notebook | nightly
PYTHON ?= python3
# Where else to look for torch; its CPU build (2.x+cpu) ranks above the plain one: README, "PyTorch on Linux".
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTEST := $(BIN)/python -m pytest

.PHONY: all quickstart test lint types unit flows contracts meta docs notebook nightly
.DELETE_ON_ERROR:
# Without compiled files each of the hundreds of processes of the tests compiles PyTorch anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

all: $(READY)

# The stamp is written last: a set-up that failed half way is taken up again by the next make.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Finetooth needs Python 3.11 or later; name one: make PYTHON=python3.11"; exit 1; }
	@rm -f $@
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev,bench]'
	@touch $@

quickstart: $(READY)
	$(BIN)/finetooth quickstart

# A process for each core; the tests of a file stay together, since they share what is dear to make; longest first.
test: lint types
	$(PYTEST) -n auto --dist loadfile --no-loadscope-reorder -m "not slow" tests/flows tests/contracts tests/meta tests/unit

lint: $(READY)
	$(BIN)/ruff format --check src tests benchmarks .ci setup.py notebooks
	$(BIN)/ruff check src tests benchmarks .ci setup.py notebooks

types: $(READY)
	$(BIN)/mypy

unit flows contracts meta: $(READY)
	$(PYTEST) -m "not slow" tests/$@

nightly: $(READY)
	$(PYTEST) -m slow tests

docs: $(READY)
	$(BIN)/python -m finetooth.cli.docs

# Execute the notebook, some minutes on two idle cores, and keep its outputs.
notebook: $(READY)
	$(BIN)/jupyter execute --inplace notebooks/lightweight_fine_tuning.ipynb
