#!/bin/sh
# Serves Dagster's code at one address of this container: deploy/code-server.sh NAME PORT
#
# Every program that reaches the server may launch runs without a login. It therefore listens only in the network
# in which the container has NAME, although the container is in other networks too.
set -eu

# Dagster's server has a resolver of its own, which asks only one of several name servers.
address=$(getent ahostsv4 "$1" | awk 'NR == 1 {print $1}')
if [ -z "$address" ]; then
    echo "The container has no address with the name $1: its networks are not those of docker-compose.yml." >&2
    exit 1
fi
exec python -m crypto_assets.dagster_ext.dagster_command code-server start -h "$address" -p "$2" \
    -m crypto_assets.definitions
