#!/bin/sh
# Builds the container images of the services, and writes their bills of materials into dist/.
#
# Usage: deploy/build-images.sh VERSION     (`make image` calls it)
#
# `crypto-assets-runs` is the image of runs, `crypto-assets` that of the servers. DOCKER is the program
# to use (default: docker), PYTHON an interpreter with the packages of requirements-dev.lock.
set -eu
cd "$(dirname "$0")/.."
docker=${DOCKER:-docker}
base=$(sh deploy/pin-images.sh --build-arg)
mkdir -p dist

# Builds a target: TARGET NAME LOCK.
build() {
    # shellcheck disable=SC2086  # an option and its value, or nothing
    "$docker" build --build-arg VERSION="$1" $base --target "$2" --tag "$3" .
    "$docker" run --rm --entrypoint dpkg-query "$3" --show \
        --showformat '${source:Package} ${Package} ${Version} ${Architecture}\n' >dist/packages.txt
    "$PYTHON" deploy/write_sbom.py --lock "$4" --debian dist/packages.txt >"dist/$3-image-$1.cdx.json"
    rm dist/packages.txt
    size=$("$docker" image inspect --format '{{.Size}}' "$3")
    echo "$3 has $((size / 1000000)) MB; dist/$3-image-$1.cdx.json lists its packages."
}

build "$1" runs crypto-assets-runs requirements-runs.lock
build "$1" servers crypto-assets requirements.lock
