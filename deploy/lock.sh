#!/bin/sh
# Writes requirements.lock (what runs) and requirements-dev.lock (what tests too) from pyproject.toml.
#
# Usage: deploy/lock.sh [--upgrade]     (pins that still satisfy pyproject.toml stay, unless --upgrade)
set -eu
cd "$(dirname "$0")/.."

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/pip" install -qq uv

# pip and setuptools are pinned too: make-venv.sh installs with the one and builds with the other.
compile() {
    printf 'pip\nsetuptools\n' | "$tools/bin/uv" pip compile --quiet --universal --no-strip-extras \
        --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml - "$@"
}
compile -o requirements.lock "$@" >/dev/null
compile --group dev -c requirements.lock -o requirements-dev.lock "$@" >/dev/null
