#!/bin/sh
# Writes the lock files from pyproject.toml: requirements.lock (runtime), requirements-runs.lock (what
# runs need of it, without the servers' packages), requirements-dev.lock (runtime and tests) and
# requirements-dagster-oldest.lock (the same with the oldest supported Dagster).
#
# Usage: deploy/lock.sh [--upgrade]     (without --upgrade, pins that satisfy pyproject.toml stay)
#        deploy/lock.sh --dagster VERSION FILE     (writes only FILE, with that version of Dagster)
set -eu
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install -qq uv

# Also pins pip and the build system, with which make-venv.sh installs and builds.
compile_with_tools() {
    printf '%s\n' pip hatchling hatch-fancy-pypi-readme >"$tools/tools.txt"
    "$tools/bin/uv" pip compile --quiet --universal --no-strip-extras --python-version 3.11 \
        --generate-hashes --no-annotate --no-header "$tools/tools.txt" "$@"
}
compile() { compile_with_tools --all-extras pyproject.toml "$@"; }
# Pins what runs need as in requirements.lock.
lock_runs() {
    "$tools/bin/python" deploy/run_packages.py >"$tools/runs.txt"
    compile_with_tools "$tools/runs.txt" -c requirements.lock -o requirements-runs.lock >/dev/null
}
# Everything but Dagster's own packages, and what only they need, stays as in requirements-dev.lock.
lock_with_dagster() {
    cp requirements-dev.lock "$tools/other.lock"
    echo "dagster==$1" >"$tools/dagster.txt"
    compile --group dev -c "$tools/dagster.txt" -o "$tools/other.lock" >/dev/null
    mkdir -p "$(dirname "$2")"
    cp "$tools/other.lock" "$2"
}

if [ "${1-}" = --dagster ]; then
    lock_with_dagster "$2" "$3"
    exit
fi
compile -o requirements.lock "$@" >/dev/null
rm -f requirements-runs.lock
lock_runs
compile --group dev -c requirements.lock -o requirements-dev.lock "$@" >/dev/null
oldest=$(sed -n 's/^ *"dagster>=\([0-9.]*\).*/\1/p' pyproject.toml)
lock_with_dagster "$oldest" requirements-dagster-oldest.lock
