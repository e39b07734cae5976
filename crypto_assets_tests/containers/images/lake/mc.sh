#!/bin/sh
# What `deploy/lake/create-user.sh` asks of MinIO's client, for the stand-in of its server.
set -eu
case "$*" in
"--quiet admin user add lake crypto")
    read -r password
    echo "s3.configure -user=crypto -access_key=crypto -secret_key=$password" \
        "-actions=Admin,Read,Write,List,Tagging -buckets=crypto-raw,crypto-archive,crypto-logs -apply" |
        weed shell -master=lake:9333 -filer=lake:8888 >/dev/null
    ;;
"--quiet admin policy create lake crypto /deploy/policy.json") ;;
"--quiet admin policy attach lake crypto --user crypto") ;;
*) echo "unexpected arguments: $*" >&2; exit 2 ;;
esac
