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
# For 'make slow': which of the long proofs; SLOW='slow and not long' leaves out those that take a quarter of a minute or more.
SLOW ?= slow
# For 'make storm': how many sweeps are disturbed, each with the next seed.
TRIALS ?= 20
# For 'make fuzz': how long to give broken folders, options, data and plug-ins; each fault is printed with what repeats it.
FUZZ_MINUTES ?= 5
BIN = $(VENV)/bin

.PHONY: install setup reproduce test slow storm fuzz gpu lint figures gallery verify report controls mutants names docs package bench clean

install: $(VENV)/.installed

setup: $(VENV)/.compiled

$(VENV)/.installed: setup.cfg pyproject.toml
	@echo "installing $(TORCH) and the other libraries into $(VENV): some minutes; on Linux PyTorch's usual build is a download of up to 3 GB (README, Install)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet '$(TORCH)' -e '.[dev]'
	touch $@

$(VENV)/.compiled: $(VENV)/.installed
	$(BIN)/python -m flowrepro.engines.warm
	touch $@

reproduce: setup
	$(BIN)/flowrepro all --out $(OUT)

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --durations 20

slow: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m '$(SLOW)'

storm: setup
	TRIALS=$(TRIALS) $(BIN)/python -m pytest -rA -m slow tests/sweep/test_storm.py

fuzz: setup
	PYTHONPATH=tests:tests/cli $(BIN)/python tests/fuzz.py --minutes $(FUZZ_MINUTES)

gpu: setup
	$(BIN)/python -m pytest -m gpu

lint: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

figures: setup
	$(BIN)/python -m flowrepro.report.gallery figures $(EXPERIMENTS) --out $(OUT)

gallery: setup
	$(BIN)/python -m flowrepro.report.gallery figures --update --out $(OUT)

verify: setup
	$(BIN)/flowrepro verify orthogonal toy2d mnist-align three-point margin single-neuron --out $(OUT)

report: setup
	$(BIN)/flowrepro report $(OUT) --out report.html

controls: setup
	PYTHONPATH=tests $(BIN)/python tests/control_page.py --out $(OUT)

mutants: setup
	PYTHONPATH=tests $(BIN)/python tests/mutant_page.py --out $(OUT)

names: install
	$(BIN)/python -m flowrepro.cli.completion

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet '$(TORCH)' -e '.[docs]'
	touch $@

# The wheel and the archive of sources, each installed into a clean environment outside of the checkout.
package: setup
	rm -rf build/dist build/clean
	$(BIN)/python -m build --outdir build/dist .
	for built in build/dist/*; do \
	    rm -rf build/clean && $(PYTHON) -m venv build/clean && \
	    build/clean/bin/python -m pip install --quiet '$(TORCH)' $$built && \
	    (cd build && clean/bin/flowrepro --version && clean/bin/flowrepro list) || exit 1; done

bench: setup
	$(BIN)/flowrepro bench

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
