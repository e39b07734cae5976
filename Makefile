# Entry points for users and developers: `make` lists them.

PYTHON ?= python3
ONCE ?=
ARGS ?=
WORKERS ?= 2

BIN := .venv/bin
RUNTIME := .venv/runtime-installed
DEV := .venv/dev-installed
MYSQL := .services/mysql
TESTS := crypto_assets_tests
DATABASE_TESTS := $(TESTS)/warehouse $(TESTS)/reports $(TESTS)/defs/test_production.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo live test-fast test test-mysql lint bench soak up lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(RUNTIME) ## create the virtual environment .venv, with every package pinned by hash
	@echo ".venv is ready: source .venv/bin/activate, or run .venv/bin/crypto-assets"

demo: $(RUNTIME) ## backfill from a simulated exchange and serve Dagster, the app and the API; ONCE=1 only reports
	@$(BIN)/crypto-assets demo $(if $(filter-out 0,$(ONCE)),--once)

live: $(RUNTIME) ## collect from Binance and serve Dagster, the app and the API; data is in .crypto-live
	@CRYPTO_HOME=.crypto-live $(BIN)/crypto-assets up

test-fast: $(DEV) ## run the tests that need no server, browser or root, in about a minute; ARGS=… goes to pytest
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m fast $(ARGS)

test: $(DEV) ## install and start the servers that tests need, and run all tests; ARGS=… goes to pytest
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-mysql: $(DEV) ## run the tests of warehouse, reports and Dagster's storage on Oracle's MySQL, unpacked into .services
	@sh deploy/unpack-mysql.sh $(MYSQL)
	@CRYPTO_TEST_SERVER=mysql CRYPTO_TEST_MYSQL_ROOT=$(CURDIR)/$(MYSQL) $(BIN)/python -m pytest $(DATABASE_TESTS) $(ARGS)

lint: $(DEV) ## check style, types, import layers and project rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q $(TESTS)/project/test_files.py $(TESTS)/project/test_words.py $(TESTS)/project/test_legibility.py

bench: $(DEV) ## run the benchmarks on this machine and write bench.json
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m crypto_assets_tests.bench

soak: $(DEV) ## simulate a day and a week of ticks with outages and check the result; takes hours; ARGS="--only day"
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m crypto_assets_tests.soak $(ARGS)

up: ## run the one-machine size in Docker: MySQL, MinIO, Dagster, the app and the API
	@docker compose up --build

lock: ## update the two lock files from pyproject.toml; ARGS=--upgrade takes the newest versions
	@sh deploy/lock.sh $(ARGS)

$(RUNTIME): requirements.lock pyproject.toml deploy/make-venv.sh
	@PYTHON=$(PYTHON) sh deploy/make-venv.sh requirements.lock $@

# The second lock file contains all packages of the first with the same versions.
$(DEV): requirements-dev.lock pyproject.toml deploy/make-venv.sh
	@PYTHON=$(PYTHON) sh deploy/make-venv.sh requirements-dev.lock $@
	@touch $(RUNTIME)
