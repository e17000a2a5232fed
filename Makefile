# The habits. Every target works on a fresh clone with Python 3.10+, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# a file of tests is one worker's
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
STAMP := $(VENV)/.ready-$(shell cat pyproject.toml hatch_build.py startup/*autoload* 2>/dev/null | cksum | cut -d' ' -f1)

.DEFAULT_GOAL := help
.PHONY: help demo test fast lint types format check build clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# torch first: with a CPU build there, nothing asks for gigabytes of CUDA packages
$(STAMP):
	$(PYTHON) scripts/make_venv.py $(VENV)
	@touch $@

demo: $(STAMP) ## train four tiny models, merge, evaluate, print a table
	$(BIN)/iberian demo

test: $(STAMP) ## run every test, the slow ones too; WORKERS=8 for as many at a time
	$(PYTEST)

fast: $(STAMP) ## run what every change can break and a process checks in no time
	$(PYTEST) -m "not slow"

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

format: $(STAMP) ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint types test ## what CI runs

.PHONY: gpu-check
gpu-check: ## compare the CUDA kernels with the CPU and time them; PYTHON has a CUDA torch
	$(PYTHON) benchmarks/gpu_check.py

.PHONY: vllm-check
vllm-check: .vllm/.ready-$(shell cat pyproject.toml scripts/make_vllm_venv.py | cksum | cut -d' ' -f1) ## test --model merged-vllm, in .vllm: vLLM on a CPU, 3.5 GB
	.vllm/bin/python -m pytest tests/with_vllm

# an environment of its own: vLLM asks for other releases than the rest
.vllm/.ready-%:
	$(PYTHON) scripts/make_vllm_venv.py .vllm
	@touch $@

.PHONY: matrix
matrix: ## run every test under Python 3.10 to 3.13, in .matrix; PYTEST_ADDOPTS for pytest
	$(PYTHON) scripts/run_matrix.py .matrix

build: $(STAMP) ## wheel and sdist into dist/
	$(BIN)/python -m build

# what the demo writes; a folder with anything else in it stays
DEMO := models sweep sweep.yaml spec.json table.md figure.csv tradeoff.png
# and what it once wrote
DEMO += merges recipes logs results table.json

clean: ## remove what the other targets made
	rm -rf $(VENV) .matrix .vllm dist .mypy_cache .ruff_cache .pytest_cache
	rm -rf $(addprefix demo_output/,$(DEMO))
	rmdir demo_output 2>/dev/null || true
