#!/bin/bash
# The entry script of the stand-in for MySQL's image: creates the database and runs the init scripts on
# an empty volume, then serves.
set -eu
data=/var/lib/mysql
export MYSQL_UNIX_PORT=/tmp/mysqld.sock
options=(--no-defaults --datadir="$data" --socket="$MYSQL_UNIX_PORT" --secure-file-priv=NULL
    --mysqlx=OFF)
[ "${1#-}" = "$1" ] || set -- mysqld "$@"
if [ ! -d "$data/mysql" ]; then
    password=$(cat "$MYSQL_ROOT_PASSWORD_FILE")
    mysqld --no-defaults --initialize-insecure --datadir="$data"
    mysqld "${options[@]}" --skip-networking &
    server=$!
    until mysqladmin --user=root ping >/dev/null 2>&1; do
        kill -0 "$server"
        sleep 0.2
    done
    mysql --user=root <<SQL
CREATE USER 'root'@'%' IDENTIFIED BY '$password';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
ALTER USER 'root'@'localhost' IDENTIFIED BY '$password';
SQL
    for script in /docker-entrypoint-initdb.d/*.sh; do bash "$script"; done
    MYSQL_PWD=$password mysqladmin --user=root shutdown
    wait "$server"
fi
exec mysqld "${options[@]}" "${@:2}"
