PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_OUT := results/glashow

.PHONY: demo demo-fit demo-compare demo-profile demo-interval demo-members test check lint docs benchmark studies clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("npinfer needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

demo: $(VENV)/installed  ## is it pp or pγ? HESE and the Glashow event in one fit, compared and written up
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target demo-fit demo-compare demo-profile demo-interval demo-members
	$(BIN)/npinfer report $(DEMO_OUT)

demo-fit:
	$(BIN)/npinfer fit joint/glashow --out $(DEMO_OUT)

demo-compare:
	$(BIN)/npinfer compare joint/glashow --model pp:f_nuebar=0.1674 --model pγ:f_nuebar=0.0753 --n-toys 100 --out $(DEMO_OUT)

demo-profile:
	$(BIN)/npinfer profile joint/glashow f_nuebar=0:0.8:33 --out $(DEMO_OUT) --quiet

demo-interval:
	$(BIN)/npinfer interval joint/glashow --cl 0.9 --out $(DEMO_OUT)

demo-members:  ## each alone; one event does not fit a spectrum
	$(BIN)/npinfer profile icecube_hese f_nuebar=0:0.8:33 --json $(DEMO_OUT)/profile_hese.json --quiet
	$(BIN)/npinfer profile icecube_pepe f_nuebar=0:0.8:33 --fix astro_norm=4.98 --fix astro_gamma=2.53 --json $(DEMO_OUT)/profile_pepe.json --quiet

test: lint  ## everything
	$(BIN)/python -m pytest -n 2 --ignore tests/benchmarks --cov --cov-report=term:skip-covered --cov-fail-under=90 -q

check: lint  ## the fast part
	$(BIN)/python -m pytest -n 2 --ignore tests/benchmarks -m "not slow" -q

lint: $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(VENV)/installed  ## the site with its gallery, in build/site
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	NPINFER_GALLERY=true $(BIN)/python -m mkdocs build --strict

benchmark: $(VENV)/tested  ## speed, as ratios within one run
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only -q
	$(BIN)/python tests/benchmarks/compare_speed.py
	$(BIN)/python tests/benchmarks/compare_pyhf.py

studies: $(VENV)/tested  ## coverage, ranks of truths in posteriors, a calibrated map: two hours
	$(BIN)/python tests/benchmarks/coverage_study.py
	$(BIN)/python tests/benchmarks/rank_calibration.py
	$(BIN)/python tests/benchmarks/map.py results/map
	$(BIN)/python tests/benchmarks/fuzz_study.py
	$(BIN)/python tests/benchmarks/kill_study.py

clean:
	rm -rf $(VENV) results build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage
