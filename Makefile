# Everything that is run is run from here; `make setup` needs only Python 3.11+, make and git.
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"
ARGS ?=

.PHONY: help setup rehearse check bench reference lock
.DEFAULT_GOAL := help

help: ## show the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

setup: ## put everything that is needed into .venv and node_modules
	@$(PYTHON) tools/setup.py

rehearse: setup ## deploy the default engagement offline and run its whole loop (ARGS="--data FILE" and others)
	@$(IN_VENV) seatrial rehearse $(ARGS)

check: setup ## the gate: format, lint, types, import rules, templates, tests
	@$(IN_VENV) python tools/check.py $(ARGS)

bench: setup ## measure: each file of benchmarks/ is one command
	@$(IN_VENV) python tools/bench.py $(ARGS)

reference: setup ## write docs/reference/engagement.*, events.schema.json and data-costs.md anew
	@$(IN_VENV) python -m seatrial.config docs/reference
	@$(IN_VENV) python -m seatrial.contracts.event_schema docs/reference
	@$(IN_VENV) python -m tools.data_costs docs/reference

lock: setup ## resolve requirements.lock anew from pyproject.toml
	@$(IN_VENV) uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links -o requirements.lock
