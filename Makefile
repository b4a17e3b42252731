# make demo   environment, install, and the main job on data/
# make test   environment, install, and all tests (TESTS=tests/laws: those)
# make loop   fit, forecast, optimize, train, compare, on this machine; goes on where it stopped
# make portable   the tests that .ci/run repeats for other processors and versions of packages
# make lint   ruff and mypy
# make format   ruff, in place
# make bench   one table of timings
# make help   this list
# make mutants   changes the code at a sample of places: does a test fail? (tests/MUTANTS.md;
#                SAMPLE=40 places a room, ALL=1 every mutant, SEED=2, ROOMS=mplfit/plan, JOBS=2)
# make fuzz    10,000 damaged logs of each format, each refused or read right (COUNT=100,
#                FORMAT="npz", SEED=5)
# make study  every law on both collections of real runs (../shared), written to tests/study/README.md
# make prior  the priors of the scale-free laws, from ../shared and data/, into mplfit/laws/learned.py
# make clean  remove what these made

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help format demo loop test portable lint bench mutants fuzz study prior clean

demo: $(VENV)/.installed
	$(BIN)/mplfit fit data/lab_loop/runs/*-s0.csv --train cosine-s0 --out mplfit-runs/demo --force
	$(BIN)/mplfit optimize --params mplfit-runs/demo --out mplfit-runs/demo-schedule --force
	@echo
	@echo "pictures: mplfit-runs/demo/overview.png, mplfit-runs/demo/plots/*.png,"
	@echo "          mplfit-runs/demo-schedule/schedule.png"
	@echo "the schedule itself: mplfit-runs/demo-schedule/schedule.csv, .npy and .json"

help:
	@sed -n '/^#/!q; s/^# *//p' Makefile

loop: $(VENV)/.installed
	$(BIN)/mplfit lab loop --resume

test: $(VENV)/.tested
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

portable: $(VENV)/.tested
	$(BIN)/python -m pytest -n 2 --dist worksteal -m portable

lint: $(VENV)/.linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.linted
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.tested
	$(BIN)/python -m tests.benchmarks

mutants: $(VENV)/.mutants
	nice $(BIN)/python -m tests.mutants --sample $(if $(ALL),0,$(or $(SAMPLE),20)) \
	  --seed $(or $(SEED),1) --jobs $(or $(JOBS),1) $(ROOMS)

fuzz: $(VENV)/.tested
	nice $(BIN)/python -m tests.fuzz --count $(or $(COUNT),10000) --seed $(or $(SEED),4) $(if $(FORMAT),"$(FORMAT)")

study: $(VENV)/.tested
	$(BIN)/python -m tests.study --workers 2
	$(BIN)/python -m tests.study few
	$(BIN)/python -m tests.study sizes

prior: $(VENV)/.tested
	$(BIN)/python -m tests.study.prior

clean:
	rm -rf $(VENV) build *.egg-info mplfit-runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find mplfit tests -name __pycache__ -prune -exec rm -rf {} +

# One environment; each mark says what has been installed into it. The package is installed in place
# (editable), so that a change to the code needs no new install.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mplfit needs Python 3.11 or newer: set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.tested: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.linted: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[lint]'
	@touch $@

$(VENV)/.mutants: setup.cfg pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,mutants]'
	@touch $@
