#!/bin/sh
# Installs the programs that the tests need and that are not Python packages: MariaDB, Chromium,
# faketime, nginx, Caddy, Prometheus, Redis and the library of Galera.
#
# Usage: deploy/install-test-services.sh [--containers]     (also what `make test-containers` needs)
#
# Works on Debian and Ubuntu, as root or with sudo; on other systems it lists what is missing and
# fails. All are installed without their system services, so that nothing starts now or at boot: of
# nginx, Caddy, Prometheus and Galera, only the programs are taken from their packages.
set -eu

PATH=$PATH:/usr/sbin
missing=
command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null ||
    missing="$missing mariadb-server-core mariadb-client-core"
command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome-stable >/dev/null || command -v google-chrome >/dev/null ||
    missing="$missing chromium fonts-dejavu-core"
command -v faketime >/dev/null || missing="$missing faketime"
# Its server is the same program under another name, without a system service.
command -v redis-check-rdb >/dev/null || missing="$missing redis-tools"
if [ "${1:-}" = --containers ]; then
    for program in podman buildah crun catatonit mmdebstrap; do
        command -v "$program" >/dev/null || missing="$missing $program"
    done
    [ -x /usr/lib/podman/netavark ] || missing="$missing netavark"
    [ -x /usr/lib/podman/aardvark-dns ] || missing="$missing aardvark-dns"
    command -v iptables >/dev/null || missing="$missing iptables"
    command -v ip >/dev/null || missing="$missing iproute2"
    # With which apt verifies what the stand-ins of images are made of.
    [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
fi
unpacked=
command -v nginx >/dev/null || unpacked=nginx
command -v caddy >/dev/null || unpacked="$unpacked caddy"
command -v prometheus >/dev/null && command -v promtool >/dev/null || unpacked="$unpacked prometheus"
galera=lib/galera/libgalera_smm.so
[ -e "/usr/$galera" ] || [ -e "/usr/local/$galera" ] || unpacked="$unpacked galera-4"
linked=
command -v redis-server >/dev/null || linked=redis-server
[ -n "$missing$unpacked$linked" ] || exit 0

fail() {
    echo "$1" >&2
    echo "The tests need these programs on PATH: mariadbd and mariadb-install-db (MariaDB 10.11 or" >&2
    echo "newer), chromium or google-chrome, faketime, nginx, caddy, prometheus, promtool and" >&2
    echo "redis-server; and the library of Galera 4 in /usr/$galera." >&2
    echo "Debian names the missing packages:$missing $unpacked" >&2
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

echo "Installing packages for the tests:$missing $unpacked $linked"
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null
}
[ -z "$missing$unpacked" ] || apt update || fail "apt-get update failed."
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086  # one word per package
    apt install -y --no-install-recommends $missing >/dev/null || fail "apt-get install failed."
fi
if [ -n "$unpacked" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    for package in $unpacked; do
        apt -o APT::Sandbox::User=root download "$package" >/dev/null ||
            fail "apt-get download failed."
        dpkg -x "$package"_*.deb . || fail "The package of $package cannot be unpacked."
    done
    for program in usr/sbin/nginx usr/bin/caddy usr/bin/prometheus usr/bin/promtool; do
        [ ! -e "$program" ] || $as_root install -m 755 "$program" "/usr/local/sbin/${program##*/}"
    done
    [ ! -e "usr/$galera" ] || $as_root install -D -m 644 "usr/$galera" "/usr/local/$galera"
fi
[ -z "$linked" ] || $as_root ln -s "$(command -v redis-check-rdb)" /usr/local/sbin/redis-server
