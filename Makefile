# The doors into crypto-assets: `make` lists them.

PYTHON ?= python3
ONCE ?=
ARGS ?=

BIN := .venv/bin
RUNTIME := .venv/runtime-installed
DEV := .venv/dev-installed
MYSQL := .services/mysql
TESTS := crypto_assets_tests
DATABASE_TESTS := $(TESTS)/warehouse $(TESTS)/reports $(TESTS)/defs/test_production.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo live test test-mysql lint bench soak up lock

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(RUNTIME) ## make the virtual environment in .venv, every package pinned by hash
	@echo ".venv is ready: source .venv/bin/activate, or call .venv/bin/crypto-assets"

demo: $(RUNTIME) ## backfill from a simulated exchange, then serve Dagster, the app and the API; ONCE=1 reports and exits
	@$(BIN)/crypto-assets demo $(if $(filter-out 0,$(ONCE)),--once)

live: $(RUNTIME) ## the same against the real exchange, in a home of its own (.crypto-live)
	@CRYPTO_HOME=.crypto-live $(BIN)/crypto-assets up

test: $(DEV) ## every test, against real servers that it installs and starts; ARGS=… goes to pytest
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

test-mysql: $(DEV) ## the tests of warehouse, reports and Dagster's storage, on Oracle's MySQL, unpacked into .services
	@sh deploy/unpack-mysql.sh $(MYSQL)
	@CRYPTO_TEST_SERVER=mysql CRYPTO_TEST_MYSQL_ROOT=$(CURDIR)/$(MYSQL) $(BIN)/python -m pytest $(DATABASE_TESTS) $(ARGS)

lint: $(DEV) ## style, types, who may import whom, and what every file must keep to
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q $(TESTS)/project/test_files.py $(TESTS)/project/test_words.py $(TESTS)/project/test_legibility.py

bench: $(DEV) ## measure backfill and tick on this machine, into bench.json
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m crypto_assets_tests.bench

soak: $(DEV) ## a day and a week of ticks by a fast clock, with outages, judged: takes hours; ARGS="--only day"
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m crypto_assets_tests.soak $(ARGS)

up: ## the one-machine size in Docker: MySQL, MinIO, Dagster, the app and the API
	@docker compose up --build

lock: ## choose the newest versions that pyproject.toml allows, into the two lock files
	@sh deploy/lock.sh $(ARGS)

$(RUNTIME): requirements.lock pyproject.toml deploy/make-venv.sh
	@PYTHON=$(PYTHON) sh deploy/make-venv.sh requirements.lock $@

# The second lock holds all of the first at the same versions, so it satisfies both.
$(DEV): requirements-dev.lock pyproject.toml deploy/make-venv.sh
	@PYTHON=$(PYTHON) sh deploy/make-venv.sh requirements-dev.lock $@
	@touch $(RUNTIME)
