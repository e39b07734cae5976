#!/bin/sh
# Prints the options with which `make up` names the files of Docker Compose.
#
# If .env or the environment sets a port of the app, the API or Dagster, these ports are open beside
# those of the proxy. If it sets MYSQL_HOST, the services use that server in place of their own. Prints
# nothing if COMPOSE_FILE names the files.
set -eu
cd "$(dirname "$0")/.."
. deploy/dotenv.sh

[ -z "$(setting COMPOSE_FILE)" ] || exit 0
ports=$(setting APP_PORT)$(setting API_PORT)$(setting DAGSTER_PORT)
files=
[ -z "$ports" ] || files="$files -f deploy/published-ports.yml"
# `mysql` is the service of docker-compose.yml.
case $(setting MYSQL_HOST) in
"" | mysql) ;;
*) files="$files -f deploy/external-mysql.yml" ;;
esac
[ -z "$files" ] || echo "-f docker-compose.yml$files"
