#!/bin/sh
# Checks the definitions as Dagster loads them, the YAML files in defs/, and the variables these name.
# Uses an empty home and no network, and prints the output of a command only if it fails.
set -eu

dg=.venv/bin/dg
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
printf 'telemetry: {enabled: false}\n' >"$home/dagster.yaml"
export DAGSTER_HOME="$home" CRYPTO_HOME="$home/crypto" PYTHONWARNINGS=ignore
# Not the database of `.env`, from which loading reads the intervals in force.
export CRYPTO_WAREHOUSE_URL="sqlite:///$home/warehouse.db" CRYPTO_WAREHOUSE_READ_URL=

check() {
    "$dg" "$@" >"$home/output" 2>&1 || { cat "$home/output"; echo "failed: dg $*"; exit 1; }
}

check check yaml --validate-requirements
check check defs
check list envs
