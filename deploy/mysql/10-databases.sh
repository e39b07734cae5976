#!/bin/bash
# Creates the databases and users of the one-machine size; MySQL's image runs it once, on an empty
# volume.
#
# The warehouse and Dagster each have a database and a user; charts use a read-only user. Dagster's
# database has a binary collation, because Dagster compares keys byte by byte.
set -eu

MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --user=root <<SQL
CREATE DATABASE IF NOT EXISTS crypto CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE DATABASE IF NOT EXISTS dagster CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER IF NOT EXISTS 'crypto'@'%' IDENTIFIED BY '$CRYPTO_PASSWORD';
CREATE USER IF NOT EXISTS 'crypto_read'@'%' IDENTIFIED BY '$CRYPTO_READ_PASSWORD';
CREATE USER IF NOT EXISTS 'dagster'@'%' IDENTIFIED BY '$DAGSTER_PASSWORD';
GRANT ALL ON crypto.* TO 'crypto'@'%';
GRANT SELECT, SHOW VIEW ON crypto.* TO 'crypto_read'@'%';
GRANT ALL ON dagster.* TO 'dagster'@'%';
SQL
