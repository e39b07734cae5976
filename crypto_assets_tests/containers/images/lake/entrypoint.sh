#!/bin/sh
# The entry script of the stand-in for MinIO's image: takes its arguments and variables, and serves S3
# by SeaweedFS.
set -eu
[ "$*" = "server /data" ] || { echo "unexpected arguments: $*" >&2; exit 2; }
AWS_ACCESS_KEY_ID=$MINIO_ROOT_USER
AWS_SECRET_ACCESS_KEY=$(cat "$MINIO_ROOT_PASSWORD_FILE")
export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
# The name has an address in each network, to which `weed shell` in another container connects.
exec weed mini -dir=/data -ip=lake -ip.bind=0.0.0.0 -s3.port=9000 \
    -s3.port.iceberg=0 -s3.port.lance=0 -webdav=false -admin.ui=false -master.telemetry=false \
    -s3.allowDeleteBucketNotEmpty=false -s3.autoCreateBucket=false
