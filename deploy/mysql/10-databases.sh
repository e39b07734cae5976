#!/bin/bash
# Creates the databases and users of the one-machine size; MySQL's image runs it once, on an empty
# volume. For a server that exists already, with the passwords of deploy/write-secrets.sh:
# SECRETS_DIR=.secrets MYSQL_HOST=db.example bash deploy/mysql/10-databases.sh --ssl
#
# Its arguments are options of the client `mysql`. MYSQL_ADMIN is a user with all rights, by default root.
#
# The warehouse and Dagster each have a database and a user; charts use a read-only user, who cannot
# read secrets and logs. Dagster's database has a binary collation, because Dagster compares keys
# byte by byte. The rights are those that `crypto-assets init --grants` prints.
set -eu

secrets=${SECRETS_DIR:-/run/secrets}
quoted() { sed "s/[\\\\']/\\\\&/g" "$secrets/$1"; }

readable="symbols fact_klines hourly_klines daily_klines stale_hours fact_order_book
    order_book_snapshots lake_objects extraction_metadata totals kline_gaps kline_revisions
    exchange_conflicts klines_1m klines_1h klines_1d order_book"
# Rights on a table that does not exist yet can be granted only together with CREATE.
reader_grants=$(for table in $readable; do
    echo "GRANT SELECT, CREATE ON crypto.$table TO 'crypto_read'@'%';"
    echo "REVOKE CREATE ON crypto.$table FROM 'crypto_read'@'%';"
done)

server=()
[ -z "${MYSQL_HOST:-}" ] || server=(--host="$MYSQL_HOST" --port="${MYSQL_PORT:-3306}")
MYSQL_PWD=$(cat "$secrets/mysql_root_password") mysql "$@" "${server[@]}" --user="${MYSQL_ADMIN:-root}" <<SQL
CREATE DATABASE IF NOT EXISTS crypto CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE DATABASE IF NOT EXISTS dagster CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER IF NOT EXISTS 'crypto'@'%' IDENTIFIED BY '$(quoted crypto_password)';
CREATE USER IF NOT EXISTS 'crypto_read'@'%' IDENTIFIED BY '$(quoted crypto_read_password)';
CREATE USER IF NOT EXISTS 'dagster'@'%' IDENTIFIED BY '$(quoted dagster_password)';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW
    ON crypto.* TO 'crypto'@'%';
GRANT ALL ON dagster.* TO 'dagster'@'%';
$reader_grants
SQL
