# Everything a fresh machine needs is set up by the first of these that is run: git, make and Python 3.11 are enough.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready
SYSTEM := systems/open_metabolics
export PYTHONDONTWRITEBYTECODE =

.PHONY: up down test lint setup lock bench docs clean

## Run OpenMetabolics on this machine and play a walk through it; it runs on until `make down`.
up: setup
	@$(VENV)/bin/groundsill up $(SYSTEM) --stage dev --detach
	@$(VENV)/bin/python -m systems.open_metabolics.walk

## Stop it. Its data stays; `groundsill down systems/open_metabolics --wipe` deletes that too.
down: setup
	@$(VENV)/bin/groundsill down $(SYSTEM) --stage dev

## Lint, types and every test.
test: setup lint
	$(VENV)/bin/pytest

lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/basedpyright

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (once)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with make PYTHON=...")'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --require-hashes -r requirements.lock
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --no-deps --no-build-isolation --editable .
	@$(VENV)/bin/python -m groundsill.aws.stubs
	@touch $(READY)

## Lock the newest versions that pyproject.toml allows.
lock:
	$(VENV)/bin/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--all-extras --group systems --group training --group dev pyproject.toml -o requirements.lock

## Write the pages that are made from the code: errors, components, tiers, systems, costs, traffic.
docs: setup
	@for page in error check component tiers systems; do $(VENV)/bin/python -m tests.$${page}_reference || exit 1; done
	@for page in cost traffic; do $(VENV)/bin/python scripts/generate_$${page}_page.py || exit 1; done
	@$(VENV)/bin/python scripts/generate_pictures.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache
