#!/bin/sh
# Installs the programs that the tests need and that are not Python packages: MariaDB, Chromium, and
# faketime.
#
# Works on Debian and Ubuntu, as root or with sudo; on other systems it lists what is missing and
# fails. MariaDB is installed without its system service, so that nothing starts now or at boot.
set -eu

PATH=$PATH:/usr/sbin
missing=
command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null ||
    missing="$missing mariadb-server-core mariadb-client-core"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome-stable >/dev/null || command -v google-chrome >/dev/null ||
    missing="$missing chromium fonts-dejavu-core"
command -v faketime >/dev/null || missing="$missing faketime"
[ -n "$missing" ] || exit 0

fail() {
    echo "$1" >&2
    echo "The tests need these programs on PATH: mariadbd and mariadb-install-db (MariaDB 10.11 or" >&2
    echo "newer), chromium or google-chrome, and faketime. Debian names the missing packages:$missing" >&2
    exit 1
}

command -v apt-get >/dev/null || fail "This system has no apt-get: install the servers yourself."
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root=sudo
else
    fail "Installing the servers requires root or sudo."
fi

echo "Installing packages for the tests:$missing"
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null
}
apt update || fail "apt-get update failed."
# shellcheck disable=SC2086  # one word per package
apt install -y --no-install-recommends $missing >/dev/null || fail "apt-get install failed."
