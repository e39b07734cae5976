#!/bin/sh
# Writes the passwords and keys of the one-machine size into files, of which each container gets
# those that it needs. `make up` runs it before the containers start; it may be repeated.
#
# Usage: deploy/write-secrets.sh [DIR]     (by default SECRETS_DIR, or else .secrets)
#
# A value that .env or the environment sets is written again each time. The others are generated
# once. Only this user can enter the directory; the files are readable, since a container's user has
# another number.
set -eu
cd "$(dirname "$0")/.."
. deploy/dotenv.sh

directory=${1:-$(setting SECRETS_DIR)}
directory=${directory:-.secrets}
umask 077
mkdir -p "$directory"
chmod 700 "$directory"

write() {
    printf '%s\n' "$2" >"$directory/$1"
    chmod 644 "$directory/$1"
}

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# Writes a password: NAME VARIABLE.
password() {
    value=$(setting "$2")
    case $value in
    *[!A-Za-z0-9._-]*)
        echo "$2 may only contain letters, digits, '.', '_' and '-': it is part of URLs." >&2
        exit 1
        ;;
    esac
    if [ -n "$value" ]; then
        write "$1" "$value"
    elif [ ! -s "$directory/$1" ]; then
        write "$1" "$(random)"
    fi
}

password mysql_root_password MYSQL_ROOT_PASSWORD
password crypto_password MYSQL_PASSWORD
password crypto_read_password MYSQL_READ_PASSWORD
password dagster_password DAGSTER_MYSQL_PASSWORD
password lake_root_password LAKE_ROOT_PASSWORD
password lake_password LAKE_PASSWORD

# Writes the operator's token, under either of its names, or generates it once.
token=$(setting CRYPTO_OPERATOR_TOKEN)
token=${token:-$(setting CRYPTO_API_TOKEN)}
if [ -n "$token" ]; then
    write operator_token "$token"
elif [ ! -s "$directory/operator_token" ]; then
    write operator_token "$(random)"
fi

# The containers of MySQL, the S3 server and the proxy read these, whatever the umask of the checkout was.
find deploy/mysql deploy/lake deploy/caddy ! -perm -a+r -exec chmod a+rX {} +

read_file() { cat "$directory/$1"; }
# The server of the compose file, or the one that MYSQL_HOST and MYSQL_PORT name.
host=$(setting MYSQL_HOST)
port=$(setting MYSQL_PORT)
server=${host:-mysql}${port:+:$port}
write warehouse_url "mysql+pymysql://crypto:$(read_file crypto_password)@$server/crypto"
write warehouse_read_url "mysql+pymysql://crypto_read:$(read_file crypto_read_password)@$server/crypto"
write s3_credentials "[default]
aws_access_key_id = crypto
aws_secret_access_key = $(read_file lake_password)"

# Writes a value that may be empty: NAME VARIABLE.
optional() {
    value=$(setting "$2")
    write "$1" "$value"
}

optional viewer_token CRYPTO_VIEWER_TOKEN
optional oidc_client_secret CRYPTO_OIDC_CLIENT_SECRET
optional alert_webhook_url CRYPTO_ALERT_WEBHOOK_URL
optional alert_urls CRYPTO_ALERT_URLS
