#!/bin/sh
# Pins the images that docker-compose.yml and Dockerfile start from to what their tags mean today.
#
# Usage: deploy/pin-images.sh                pulls them and writes their digests into .env, which
#                                            `docker compose` reads
#        deploy/pin-images.sh --build-arg    prints the base image of .env as an option of `docker build`
#
# It may be repeated. DOCKER is the program to use, by default docker.
set -eu
cd "$(dirname "$0")/.."
. deploy/dotenv.sh
docker=${DOCKER:-docker}

if [ "${1:-}" = --build-arg ]; then
    image=$(setting PYTHON_IMAGE)
    [ -z "$image" ] || echo "--build-arg PYTHON_IMAGE=$image"
    exit 0
fi

# Prints the variable and the default of each image.
list_images() { sed -n 's/.*\${\([A-Z]*_IMAGE\):-\([^}]*\)}.*/\1 \2/p' docker-compose.yml; }

# Sets a variable in .env: NAME VALUE. The file keeps its permissions, and no one else reads its copy.
set_variable() {
    umask 077
    others=$(grep -v "^$1=" .env || true)
    printf '%s\n' "$others" "$1=$2" | sed '1{/^$/d}' >.env.new
    cat .env.new >.env
    rm .env.new
}

[ -e .env ] || (umask 077 && : >.env)
list_images | while read -r name default; do
    image=$(setting "$name")
    image=${image:-$default}
    image=${image%@*}
    "$docker" pull --quiet "$image" >/dev/null </dev/null
    digest=$("$docker" image inspect --format '{{index .RepoDigests 0}}' "$image" </dev/null)
    case $digest in
    *@sha256:*) ;;
    *)
        echo "$docker knows no digest of $image" >&2
        exit 1
        ;;
    esac
    set_variable "$name" "$image@${digest#*@}"
    echo "$name=$image@${digest#*@}"
done
