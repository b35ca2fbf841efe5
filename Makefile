# Kizashi. A fresh machine needs Python 3.11 or newer and make, nothing else; `make` alone lists what there is.
#
# Everything runs in .venv, made from requirements.lock (versions and hashes, no addresses: pip's and uv's own settings
# say where packages come from). uv is used where it is on PATH; else the pinned one is installed into .venv-uv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-stores check ops-check audit drills format bench up down

UV_PIN := 0.13.9
VENV := .venv
BIN := $(VENV)/bin
OPS := .ops-tools
FAST := not slow and not postgres and not broker and not story and not chaos and not ops and not drill

export UV_PYTHON_DOWNLOADS := never

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.ok ## start everything with the demo; DEMO=0: an empty workspace; ARGS='…' is passed on to `kizashi up`
	@exec $(BIN)/kizashi up $(if $(filter 0,$(DEMO)),,--demo) $(ARGS)

test: $(VENV)/.ok ## run every test that this machine can run
	$(BIN)/python -m pytest $(ARGS)

test-fast: $(VENV)/.ok ## run the tests that need no server and no patience
	$(BIN)/python -m pytest -n auto -m "$(FAST)" --ignore tests/ops $(ARGS)

test-stores: $(VENV)/.ok ## run the tests that need a database and nothing else, on the PostgreSQL that this machine brings
	@command -v pg_config >/dev/null || { echo "SKIP stores on the machine's own PostgreSQL: it brings none (pg_config)"; exit 0; }; \
	$(BIN)/python -m pytest -n 2 -m "postgres and not broker and not story and not chaos and not drill" --postgres=machine $(ARGS)

check: $(VENV)/.ok ## formatting, lint, types, import contracts, sizes, shell scripts, YAML, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/sizes.py
	$(BIN)/shellcheck $$(grep -rlE '^#!.*\b(ba)?sh\b' .ci scripts deploy)
	$(BIN)/yamllint --strict .
	$(BIN)/python -m scripts.metrics_page --check
	$(BIN)/python -m scripts.logs_page --check
	$(BIN)/python -m deploy.observability.generate --check
	$(BIN)/python -m deploy.observability.grafana --check
	$(BIN)/python -m scripts.k8s --check

ops-check: $(VENV)/.ok $(OPS)/.ok ## manifests, rules, dashboards, compose file, image: whatever can be checked without running them
	$(BIN)/python -m pytest -n auto -m ops tests/ops $(ARGS)

audit: $(VENV)/.ok ## licences, secrets, known vulnerabilities, bill of materials
	$(BIN)/python -m scripts.audit

drills: $(VENV)/.ok $(OPS)/.ok ## break a running installation and wait for its alerts; ARGS=--scaled: a tenth of the time
	$(BIN)/python -m tests.drills $(ARGS)

up: ## build the image and start everything with Docker Compose; secrets are made on first use
	@scripts/make-env
	docker compose up --build --detach --wait

down: ## stop what `make up` started; WIPE=1 deletes its volumes too
	docker compose --profile observability --profile demo down $(if $(filter 1,$(WIPE)),--volumes)

format: $(VENV)/.ok ## format the code and sort its imports
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ok ## measure the pipeline: events a second, and latency
	$(BIN)/python -m bench.pipeline $(ARGS)

$(VENV)/.ok: requirements.lock pyproject.toml
	@VENV=$(VENV) UV_PIN=$(UV_PIN) PYTHON="$(PYTHON)" sh scripts/make-venv
	@touch $@

# Programs that check operations, from Debian's stable release, unpacked beside the system; where apt is not, a test that
# needs one is skipped by name.
$(OPS)/.ok:
	scripts/debtool trixie $(OPS) prometheus promtool prometheus-alertmanager kubectl docker-cli docker-compose docker-buildx
	@touch $@
