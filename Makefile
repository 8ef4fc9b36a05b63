# The two commands for a newcomer are `make demo` and `make test`; both set up what they need. `make help` names the rest.
SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help
.PHONY: release deb help demo demo-loop test check bench bench-peers soak fuzz model lock schemas options clean
export VENV ?= .venv
PY := $(VENV)/bin/python
PYTEST_ARGS ?=
# files of tests side by side; what is timed in them is held against what was measured beside it, or waits for what it needs
WORKERS ?= 2
# as the oldest Python has it; the numpy that Python 3.12 gets has stubs which only 3.12 reads
TYPES = --python-version $$($(PY) -c 'import sys; print("3.12" if sys.version_info >= (3, 12) else "3.10")')

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## the appliance on real street footage: page, events, clips (DEMO_SECONDS=30 ends it by itself)
	@scripts/system demo
	@scripts/venv box
	@$(PY) scripts/footage.py || [ $$? = 3 ]
	@$(PY) scripts/text_model.py || [ $$? = 3 ]
	@$(PY) scripts/demo.py

demo-loop: ## a box gets better at what its model is weak on: labels, training, gates, bundle; ten minutes on two cores
	@scripts/system demo
	@scripts/venv trainer
	@$(PY) scripts/demo_loop.py

test: ## every test but the long ones; PYTEST_ARGS="-k gate" chooses, WORKERS=0 one after another, WITHOUT_TRAINER=1 does without PyTorch
	@scripts/system test
	@scripts/venv $(if $(WITHOUT_TRAINER),dev,trainer)
	@$(PY) scripts/footage.py || { [ $$? = 3 ] && [ "$$CI" != true ]; }
	@$(PY) scripts/text_model.py || { [ $$? = 3 ] && [ "$$CI" != true ]; }
	@$(PY) -m pytest -m "not soak" -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

check: ## style, types, layers, generated files
	@scripts/venv trainer
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy $(TYPES)
	@$(VENV)/bin/mypy $(TYPES) --explicit-package-bases scripts
	@$(VENV)/bin/lint-imports --no-cache | tail -n 4
	@$(PY) scripts/schemas.py --check
	@$(PY) scripts/options.py --check

bench: ## the figures of the README, measured here, in one run
	@scripts/system test
	@scripts/venv trainer
	@$(PY) scripts/footage.py || [ $$? = 3 ]
	@$(PY) -m bench $(BENCHES)

bench-peers: ## the same video through other pipelines; Ultralytics gets an environment of its own
	@scripts/venv trainer
	@$(PY) scripts/footage.py || [ $$? = 3 ]
	@$(PY) -m bench peers

soak: ## the long tests
	@scripts/system soak
	@scripts/venv trainer
	@$(PY) scripts/footage.py
	@$(PY) scripts/text_model.py
	@NODE_RED_JS=$${NODE_RED_JS:-$$(ls .cache/node-red/node_modules/node-red/red.js 2>/dev/null)} \
	  GRAFANA_SCHEMA=$${GRAFANA_SCHEMA:-$$(ls -d $$PWD/.cache/grafana-schema/node_modules 2>/dev/null)} \
	  HOME_ASSISTANT_PYTHON=$${HOME_ASSISTANT_PYTHON:-$$(scripts/home-assistant || true)} $(PY) -m pytest -m soak --timeout 0 $(PYTEST_ARGS)

fuzz: ## what reads bytes from outside, each target for FUZZ_SECONDS (600), led by the branches it takes; FUZZ="bundle metadata" chooses
	@scripts/venv dev
	@scripts/fuzz $(FUZZ)

model: ## train models/person-street again from nothing
	@scripts/venv trainer
	@$(PY) scripts/footage.py
	@$(VENV)/bin/vedette-trainer train person-street

ARCH ?= $(shell uname -m)
PYTHON_OF_BOX ?= 3.11
release: ## a release for boxes without a network, in dist/ (ARCH=aarch64 PYTHON_OF_BOX=3.10 for JetPack 6; needs the network here)
	@scripts/venv box
	@$(PY) scripts/release.py --arch $(ARCH) --python $(PYTHON_OF_BOX) --output dist $(RELEASE_ARGS)

deb: release ## a Debian package of it
	@$(PY) scripts/deb.py --from dist/vedette-$$(sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)-$(ARCH) --output dist

lock: ## requirements/*.txt from pyproject.toml (needs the network)
	@scripts/venv dev
	@$(PY) -m pip --disable-pip-version-check install --quiet uv
	@$(PY) scripts/lock.py $(LOCK_ARGS)

schemas: ## contracts/schemas/ from contracts/
	@scripts/venv box
	@$(PY) scripts/schemas.py

options: ## docs/guide/options.md from the classes
	@scripts/venv box
	@$(PY) scripts/options.py

clean: ## remove what was made here; footage, fetched models and demo output too
	rm -rf $(VENV) .cache demo-output build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
