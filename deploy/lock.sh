#!/bin/sh
# Writes requirements.lock (runtime) and requirements-dev.lock (runtime and tests) from pyproject.toml.
#
# Usage: deploy/lock.sh [--upgrade]     (without --upgrade, pins that satisfy pyproject.toml stay)
set -eu
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install -qq uv

# Also pins pip and the build system, with which make-venv.sh installs and builds.
compile() {
    printf '%s\n' pip hatchling hatch-fancy-pypi-readme |
        "$tools/bin/uv" pip compile --quiet --universal --no-strip-extras --python-version 3.11 \
            --generate-hashes --no-annotate --no-header pyproject.toml - "$@"
}
compile -o requirements.lock "$@" >/dev/null
compile --group dev -c requirements.lock -o requirements-dev.lock "$@" >/dev/null
