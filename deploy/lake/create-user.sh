#!/bin/sh
# Creates the user of the lake's buckets on the MinIO server; may be repeated. The services use it
# instead of MinIO's root user: it can neither administer the server nor touch other buckets.
#
# Runs in MinIO's image, which has mc, a shell and coreutils, but for example no grep. No password is
# an argument of a program: every process of the machine can read those.
set -eu

secrets=${SECRETS_DIR:-/run/secrets}
export MC_CONFIG_DIR=/tmp/mc
export "MC_HOST_lake=http://$MINIO_ROOT_USER:$(cat "$secrets/lake_root_password")@lake:9000"
# Without a third argument, mc reads the password from its input.
mc --quiet admin user add lake crypto <"$secrets/lake_password"
mc --quiet admin policy create lake crypto /deploy/policy.json
# MinIO reports an error if the user has the policy already.
mc --quiet admin policy attach lake crypto --user crypto || {
    user=$(mc --quiet admin user info lake crypto)
    case $user in
    *"PolicyName: crypto"*) echo "The user has the policy already." ;;
    *) exit 1 ;;
    esac
}
