# Entry points for users and developers: `make` lists them.

PYTHON ?= python3
DOCKER ?= docker
ONCE ?=
ARGS ?=
VERSION ?=
# On two cores: tests wait a third of their time, mainly for Dagster's daemon.
WORKERS ?= 4
# On a CI machine a failed test is run once more, six at most. The summary shows each as "RERUN".
RERUNS := $(if $(CI),--reruns 1 --max-suite-reruns 6 --rerun-show-tracebacks -r R)

BIN := .venv/bin
RUNTIME := .venv/runtime-installed
DEV := .venv/dev-installed
MYSQL := .services/mysql
TESTS := crypto_assets_tests
PROJECT_VERSION = $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)
DATABASE_TESTS := $(TESTS)/warehouse $(TESTS)/reports $(TESTS)/defs/test_production.py
DAGSTER_TESTS := $(TESTS)/dagster_ext $(TESTS)/defs $(TESTS)/stack $(TESTS)/api/test_control.py \
	$(TESTS)/cli/test_backfill.py $(TESTS)/project/test_dagster_files.py $(TESTS)/project/test_widen_columns.py
# Without VERSION, test-dagster tests the oldest supported version.
DAGSTER_LOCK := $(if $(VERSION),.services/dagster-$(VERSION).lock,requirements-dagster-oldest.lock)
DAGSTER_VENV := .venv-dagster-$(or $(VERSION),oldest)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo live test-fast test test-mysql test-dagster test-containers coverage lint docs screenshots bench soak up image pin-images lock wheel

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# With bytecode files, each worker of pytest and each program that a test starts begins sooner.
test-fast test test-mysql test-dagster coverage: export PYTHONDONTWRITEBYTECODE =

setup: $(RUNTIME) ## create the virtual environment .venv, with every package pinned by hash
	@echo ".venv is ready: source .venv/bin/activate, or run .venv/bin/crypto-assets"

demo: $(RUNTIME) ## backfill from a simulated exchange and serve Dagster, the app and the API; ONCE=1 only reports
	@$(BIN)/crypto-assets demo $(if $(filter-out 0,$(ONCE)),--once)

live: $(RUNTIME) ## collect from Binance and serve Dagster, the app and the API; data is in .crypto-live
	@CRYPTO_HOME=.crypto-live $(BIN)/crypto-assets up

test-fast: $(DEV) ## run the tests that need no server, browser or root, in two or three minutes; ARGS=… goes to pytest
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m fast $(ARGS)

test: $(DEV) ## install and start the servers that tests need, and run all tests; ARGS=… goes to pytest
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(RERUNS) $(ARGS)

test-mysql: $(DEV) ## run the tests of warehouse, reports and Dagster's storage on Oracle's MySQL, unpacked into .services
	@sh deploy/unpack-mysql.sh $(MYSQL)
	@CRYPTO_TEST_SERVER=mysql CRYPTO_TEST_MYSQL_ROOT=$(CURDIR)/$(MYSQL) $(BIN)/python -m pytest $(DATABASE_TESTS) $(ARGS)

test-dagster: $(DAGSTER_VENV)/dev-installed ## run the Dagster and database tests with the oldest supported Dagster, or with VERSION=…
	@sh deploy/install-test-services.sh
	@$(DAGSTER_VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile $(DAGSTER_TESTS) $(DATABASE_TESTS) $(ARGS)

test-containers: $(DEV) ## run the compose file's services in podman, with a backfill, a backup and restarts; needs root
	@sh deploy/install-test-services.sh --containers
	@$(BIN)/python -m $(TESTS).containers $(ARGS)

coverage: $(DEV) ## run all tests, and show which lines and branches they reach; ARGS="-m fast" for the fast ones
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term --cov-report=html $(ARGS)
	@echo "htmlcov/index.html shows each line."

lint: $(DEV) ## check style (Python and JavaScript), types, import layers, Dagster definitions and project rules
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/oxlint --quiet --deny-warnings --config .oxlintrc.json streamlit_app
	@$(BIN)/bandit -q -c pyproject.toml -r crypto_assets streamlit_app deploy
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/zizmor --offline --quiet .github
	@sh deploy/check-definitions.sh
	@$(BIN)/python -m pytest -q $(TESTS)/project/test_files.py $(TESTS)/project/test_words.py $(TESTS)/project/test_legibility.py $(TESTS)/project/test_changelog.py

docs: $(DEV) ## build the docs site into site/; a broken link is an error
	@$(BIN)/python -m $(TESTS).project.docs_site

screenshots: $(DEV) ## take every page of the running app at three sizes in both themes into screenshots/; ARGS="--page quality --timezone Asia/Kolkata"
	@$(BIN)/python -m $(TESTS).streamlit_app.screenshots screenshots $(ARGS)

bench: $(DEV) ## run the benchmarks on this machine and write bench.json
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m crypto_assets_tests.bench

soak: $(DEV) ## simulate a day and a week of ticks with outages, and an hour of kills; takes hours; ARGS="--only day"
	@sh deploy/install-test-services.sh
	@$(BIN)/python -m crypto_assets_tests.soak $(ARGS)

up: ## run the one-machine size in Docker: proxy, MySQL, MinIO, Dagster, the app and the API
	@sh deploy/write-secrets.sh
	@CRYPTO_ASSETS_VERSION=$(PROJECT_VERSION) $(DOCKER) compose $$(sh deploy/compose-files.sh) up --build

image: $(DEV) ## build the container images of runs and servers, and their bills of materials in dist/; DOCKER=podman uses podman
	@DOCKER=$(DOCKER) PYTHON=$(BIN)/python sh deploy/build-images.sh $(PROJECT_VERSION)

pin-images: ## write the digests of the images that up and image start from into .env
	@DOCKER=$(DOCKER) sh deploy/pin-images.sh

lock: ## update the lock files from pyproject.toml; ARGS=--upgrade takes the newest versions
	@sh deploy/lock.sh $(ARGS)

wheel: $(DEV) ## build wheel, source distribution and bill of materials of the last commit into dist/
	@sh deploy/build-wheel.sh

$(RUNTIME): requirements.lock pyproject.toml deploy/make-venv.sh
	@PYTHON=$(PYTHON) sh deploy/make-venv.sh requirements.lock $@

# The second lock file contains all packages of the first with the same versions.
$(DEV): requirements-dev.lock pyproject.toml deploy/make-venv.sh
	@PYTHON=$(PYTHON) sh deploy/make-venv.sh requirements-dev.lock $@
	@touch $(RUNTIME)

$(DAGSTER_VENV)/dev-installed: $(DAGSTER_LOCK) pyproject.toml deploy/make-venv.sh
	@PYTHON=$(PYTHON) sh deploy/make-venv.sh $(DAGSTER_LOCK) $@

.services/dagster-%.lock: requirements-dev.lock pyproject.toml deploy/lock.sh
	@sh deploy/lock.sh --dagster $* $@
