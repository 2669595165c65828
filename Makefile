# acetui. `make` alone says what there is. Everything is made in .venv and build/, inside this folder.
#   PYTHON    the Python to use (3.11 or newer); else the first that is found
#   PIP_ARGS  options for pip: an index, a proxy, a folder of wheels
#   ARGS      options for the tests (`make test ARGS="-k noise"`) or the benchmarks

PYTHON ?=
PIP_ARGS ?=
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
WANTS := pyproject.toml constraints.txt tools/install.py
export PYTHON PIP_ARGS
# What these variables hold for Python itself would point outside the environment.
unexport PYTHONHOME PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help venv studio test test-slow test-ray test-gpu soak kills bench bench-gpu bench-store bench-overlap bench-several format clean distclean

help:
	@echo "make studio      install acetui with its engine, and render a first take"
	@echo "make test        every check: style, types, import contracts, tests"
	@echo "make test-slow   the tests that take minutes"
	@echo "make test-ray    the tests that start a Ray cluster on this machine"
	@echo "make test-gpu    the tests that need a CUDA device"
	@echo "make soak        5,000 tiny takes from a studio whose processes are weighed meanwhile"
	@echo "make kills       400 kills of engine, studio and client; nothing may be lost"
	@echo "make bench       the benchmarks on this CPU, side by side with diffusers"
	@echo "make bench-gpu   the benchmarks on a CUDA device"
	@echo "make bench-store, make bench-overlap   50,000 takes in the store; the loop beside the sum of its stages"
	@echo "make bench-several   takes an hour of several engines, and behind Ray, beside one's"
	@echo "make format      put imports and code into the project's form"
	@echo "make venv        only the empty virtual environment (to put a torch of your own into it first)"
	@echo "make clean       remove what was built, but not .venv; make distclean removes that too"
	@echo "Variables: PYTHON=python3.12  PIP_ARGS='...'  ARGS='...'"

venv: $(VENV)/.made

$(VENV)/.made:
	@sh tools/make_venv.sh $(VENV)
	@touch $@

$(VENV)/.engine: $(VENV)/.made $(WANTS)
	@$(BIN)/python tools/install.py engine
	@touch $@

$(VENV)/.dev: $(VENV)/.made $(WANTS)
	@$(BIN)/python tools/install.py engine dev ray
	@touch $(VENV)/.engine $@

studio: $(VENV)/.engine
	@$(BIN)/python tools/describe_torch.py
	@$(BIN)/python tools/first_take.py

test: $(VENV)/.dev
	@$(BIN)/python -m tools.checks $(ARGS)

test-slow: $(VENV)/.dev
	@$(BIN)/python -m pytest -m "slow and not gpu" $(ARGS)

test-ray: $(VENV)/.dev
	@$(BIN)/python -m pytest -m ray $(ARGS)

test-gpu: $(VENV)/.dev
	@$(BIN)/python -m pytest -m gpu $(ARGS)

soak: $(VENV)/.dev
	@$(BIN)/python -m tests.e2e.soak $(ARGS)

kills: $(VENV)/.dev
	@$(BIN)/python -m tests.e2e.kills $(ARGS)

bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks $(ARGS)

bench-gpu: $(VENV)/.dev
	@$(BIN)/python -m benchmarks --device cuda $(ARGS)

bench-store: $(VENV)/.dev
	@$(BIN)/python -m benchmarks store $(ARGS)

bench-overlap: $(VENV)/.dev
	@$(BIN)/python -m benchmarks overlap $(ARGS)

bench-several: $(VENV)/.dev
	@$(BIN)/python -m benchmarks several $(ARGS)

format: $(VENV)/.dev
	@$(BIN)/python -m ruff check --fix --quiet --exit-zero .
	@$(BIN)/python -m ruff format .

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
