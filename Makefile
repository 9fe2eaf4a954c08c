# The development commands. `make` alone lists them. PYTHON is the interpreter of an environment with `.[all]` installed.

PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help

.PHONY: help
help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: venv
venv:  ## make .venv with everything, at the pinned versions
	python3.11 -m venv .venv && .venv/bin/pip install -c constraints.txt -e '.[all]'

.PHONY: test
test:  ## run the tests
	$(PYTHON) -m pytest

.PHONY: lint style types imports
lint: style types imports  ## check style (ruff), types (mypy --strict) and the directions of the imports

style:
	$(PYTHON) -m ruff check .

types:
	$(PYTHON) -m mypy

imports:
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command as lint; lint(["--no-logo"])'

.PHONY: golden
golden:  ## write the golden files and the generated parts of the README anew: read the difference
	$(PYTHON) -m pytest -q tests/report tests/test_readme.py --update-golden

.PHONY: demos gallery
demos:  ## run every trouble of the reference networks and its cure with three seeds, and tell what was found (long)
	$(PYTHON) -m demos table --seeds 0,1,2

gallery:  ## render reports/gallery/ from the reference networks (long; goes on where it stopped)
	$(PYTHON) -m demos gallery

.PHONY: challenges
challenges:  ## score the rules on the challenge programs: detection, causes, alarms, confidences, knife edges, soundness (long)
	$(PYTHON) tests/challenges/benchmark.py --verbose --rules --confidence
	$(PYTHON) tests/challenges/knife_edges.py
	$(PYTHON) tests/challenges/variants.py --wave sample
	$(PYTHON) tests/challenges/check_soundness.py

.PHONY: attribution
attribution:  ## measure how often the strongest attribution is right, and write the tables into the README
	$(PYTHON) tests/benchmarks/attribution.py --readme

.PHONY: benchmark
benchmark:  ## measure what recording costs, side by side with bare training and with other tools
	$(PYTHON) tests/benchmarks/overhead.py --others
