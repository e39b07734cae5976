#!/bin/sh
# Unpacks Oracle's MySQL server into a directory, without changing the system.
#
# Usage: deploy/unpack-mysql.sh DIR     (DIR becomes the root of its files: DIR/usr/sbin/mysqld)
#
# Debian's stable releases contain only MariaDB, so the package comes from unstable, together with
# its C library and loader. The mirror is the one that this machine's apt uses.
set -eu

target=$1
if [ -d "$target" ]; then exit 0; fi

fail() {
    echo "$1" >&2
    echo "make test-mysql requires Debian, because it unpacks Debian's package of MySQL." >&2
    exit 1
}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
command -v apt-get >/dev/null || fail "This system has no apt-get."
# shellcheck disable=SC2016  # apt-get expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep '/debian/*$' | head -n 1)
if [ -z "$mirror" ] || [ ! -e "$keyring" ]; then fail "apt has no Debian mirror or no Debian key."; fi

mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/root"
: >"$work/status"
echo "deb [signed-by=$keyring] $mirror sid main" >"$work/sources.list"

apt() {
    apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" \
        -o Dir::Cache="$work/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=root "$@" </dev/null
}
work=$(cd "$work" && pwd)
echo "Unpacking MySQL into $target"
apt update || fail "apt-get update failed."
apt install -y --download-only --no-install-recommends mysql-server-core >/dev/null ||
    fail "apt-get could not fetch mysql-server-core."
for package in "$work"/cache/archives/*.deb; do
    dpkg -x "$package" "$work/root"
done
mv "$work/root" "$target"
