#!/bin/sh
# Builds wheel, source distribution and bill of materials (CycloneDX) of the last commit.
#
# Usage: deploy/build-wheel.sh [FOLDER]     (default: dist; `make wheel` calls it)
#
# PYTHON is an interpreter with the packages of requirements-dev.lock (default: that of .venv). With
# them, a commit gives the same files in every folder. Changes that are not committed are not built.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "${1:-dist}"
target=$(cd "${1:-dist}" && pwd)
python=${PYTHON:-$PWD/.venv/bin/python}

# Accept a checkout that belongs to another user, as in CI.
repository() {
    git -c safe.directory="$PWD" "$@"
}

[ -z "$(repository status --porcelain)" ] || echo "Changes that are not committed are not built." >&2
SOURCE_DATE_EPOCH=$(repository log -1 --format=%ct)
export SOURCE_DATE_EPOCH

source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
mkdir "$source/tree" "$source/dist"
repository archive HEAD | tar -xC "$source/tree"
# The wheel is built from the source distribution.
"$python" -m build --quiet --no-isolation --outdir "$source/dist" "$source/tree" >/dev/null
wheel=$(basename "$source"/dist/*.whl)
sbom=${wheel%-py3-none-any.whl}.cdx.json
"$python" "$source/tree/deploy/write_sbom.py" >"$source/dist/$sbom"
# The umask applies, as to any new file.
for file in "$source"/dist/*; do
    cat "$file" >"$target/${file##*/}"
done
cd "$target"
sha256sum "$wheel" "${wheel%-py3-none-any.whl}.tar.gz" "$sbom"
