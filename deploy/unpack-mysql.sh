#!/bin/sh
# Unpacks Oracle's MySQL server into a directory, beside the system and without touching it.
#
# Usage: deploy/unpack-mysql.sh DIR     (then DIR/mysqld starts it, with mysqld's own arguments)
#
# Debian's stable releases carry MariaDB only, so the package comes from unstable, with unstable's
# own C library and loader. The mirror is the one that this machine's apt already uses.
set -eu

target=$1
if [ -x "$target/mysqld" ]; then exit 0; fi

fail() {
    echo "$1" >&2
    echo "Elsewhere, write a script $target/mysqld that starts your own mysqld with its arguments." >&2
    exit 1
}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
command -v apt-get >/dev/null || fail "This system has no apt-get to fetch MySQL with."
# shellcheck disable=SC2016  # apt-get expands it
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep '/debian/*$' | head -n 1)
if [ -z "$mirror" ] || [ ! -e "$keyring" ]; then fail "apt knows no Debian mirror, or not Debian's key."; fi

rm -rf "$target"
mkdir -p "$target/apt/lists/partial" "$target/apt/cache/archives/partial" "$target/root"
target=$(cd "$target" && pwd)
: >"$target/apt/status"
echo "deb [signed-by=$keyring] $mirror sid main" >"$target/apt/sources.list"

apt() {
    apt-get -qq -o Dir::Etc::SourceList="$target/apt/sources.list" -o Dir::Etc::SourceParts=- \
        -o Dir::State::Lists="$target/apt/lists" -o Dir::State::Status="$target/apt/status" \
        -o Dir::Cache="$target/apt/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
        "$@" </dev/null
}
echo "Unpacking MySQL into $target"
apt update || fail "apt-get update failed."
apt install -y --download-only --no-install-recommends mysql-server-core >/dev/null ||
    fail "apt-get could not fetch mysql-server-core."
for package in "$target"/apt/cache/archives/*.deb; do
    dpkg -x "$package" "$target/root"
done
rm -rf "$target/apt"

root=$target/root
loader=$(find "$root/usr/lib64" "$root/usr/lib" -name 'ld-linux*.so*' 2>/dev/null | head -n 1)
libraries=$(dirname "$(find "$root/usr/lib" -name 'libc.so.6' | head -n 1)")
plugins=$(dirname "$(find "$root/usr/lib" -path '*mysql/plugin/*.so' | head -n 1)")
cat >"$target/mysqld.unfinished" <<EOF
#!/bin/sh
# --no-defaults must come first, so it stands here.
exec '$loader' --library-path '$libraries' '$root/usr/sbin/mysqld' --no-defaults \\
    --basedir='$root/usr' --lc-messages-dir='$root/usr/share/mysql' --plugin-dir='$plugins' "\$@"
EOF
chmod +x "$target/mysqld.unfinished"
"$target/mysqld.unfinished" --version
mv "$target/mysqld.unfinished" "$target/mysqld"
