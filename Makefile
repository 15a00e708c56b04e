# make reproduce   set up, then run every experiment at the papers' own scale
# make test        set up, then pass the tests
VENV ?= .venv
PYTHON ?= python3
# The requirement that brings PyTorch; e.g. TORCH='torch==2.13.0' picks a build that is at hand.
TORCH ?= torch
OUT ?= runs
# For 'make figures': the experiments to draw again and compare; none means all.
EXPERIMENTS ?=
# Processes that share the tests; 0 runs them one after the other.
WORKERS ?= auto
# For 'make slow': which of the long proofs; SLOW='slow and not long' leaves out those that take a minute or more.
SLOW ?= slow
BIN = $(VENV)/bin

.PHONY: setup reproduce test slow gpu lint figures gallery verify report names bench clean

setup: $(VENV)/.installed

$(VENV)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet '$(TORCH)' -e '.[dev]'
	touch $@

reproduce: setup
	$(BIN)/flowrepro all --out $(OUT)

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 20

slow: setup
	$(BIN)/python -m pytest -m '$(SLOW)'

gpu: setup
	$(BIN)/python -m pytest -m gpu

lint: setup
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

figures: setup
	$(BIN)/python -m flowrepro.report.gallery figures $(EXPERIMENTS) --out $(OUT)

gallery: setup
	$(BIN)/python -m flowrepro.report.gallery figures --update --out $(OUT)

verify: setup
	$(BIN)/flowrepro verify orthogonal toy2d mnist-align three-point margin single-neuron --out $(OUT)

report: setup
	$(BIN)/flowrepro report $(OUT) --out report.html

names: setup
	$(BIN)/python -m flowrepro.cli.completion

bench: setup
	$(BIN)/flowrepro bench

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
