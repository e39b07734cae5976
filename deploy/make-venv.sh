#!/bin/sh
# Installs the packages of a lock file into a virtual environment: pinned pip first, then the packages,
# then this project.
#
# Usage: deploy/make-venv.sh LOCK STAMP     (from the project's root; `make setup` calls it)
#
# STAMP, such as .venv/dev-installed, is a file in the environment, and is touched at the end. After an
# interrupted call, the next one starts with an empty environment, because pip takes a partly unpacked
# package as installed.
set -eu

lock=$1
stamp=$2
python=${PYTHON:-python3}
venv=$(dirname "$stamp")
unfinished=$venv/unfinished

die() {
    echo "$1" >&2
    exit 1
}

up_to_date() {
    [ -e "$stamp" ] && [ ! -e "$unfinished" ] &&
        [ -z "$(find "$lock" pyproject.toml -newer "$stamp")" ]
}

# Prints one package's pin and hashes from the lock.
pin() {
    awk -v name="$1==" 'index($0, name) == 1 {on = 1} on {print} on && !/\\$/ {exit}' "$lock"
}

install() {
    "$venv/bin/python" -m pip install -qq --no-input --disable-pip-version-check "$@"
}

# Installs the packages of the lock, and shows on a terminal how many are downloaded and unpacked. The
# log of pip is printed if it fails.
install_lock() {
    "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off \
        --require-hashes --only-binary :all: -r "$lock" >"$venv/pip.log" 2>&1 &
    pip_pid=$!
    trap 'kill "$pip_pid" 2>/dev/null; exit 130' INT TERM
    while kill -0 "$pip_pid" 2>/dev/null; do
        [ -t 1 ] && show_progress
        sleep 1
    done
    trap - INT TERM
    [ -t 1 ] && printf '\r\033[K'
    wait "$pip_pid" || { cat "$venv/pip.log" >&2; exit 1; }
}

show_progress() {
    unpacked=$(find "$venv"/lib/python*/site-packages -maxdepth 1 -name '*.dist-info' | wc -l)
    printf '\r\033[K%s of %s packages downloaded, %s unpacked' \
        "$(grep -cE '^(Collecting|Processing|Ignoring) ' "$venv/pip.log")" "$packages" "$unpacked"
}

command -v "$python" >/dev/null ||
    die "$python not found: install Python 3.11 or newer (Debian, Ubuntu: apt-get install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$("$python" --version) is too old: crypto-assets needs 3.11 or newer; choose one with make PYTHON=python3.12 …"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    die "$python cannot create virtual environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)"

# A concurrent call waits here, and then has nothing to do.
if command -v flock >/dev/null; then
    exec 9<pyproject.toml
    flock 9
fi
if up_to_date; then
    touch "$stamp"
    exit 0
fi

if [ -e "$unfinished" ] || [ ! -x "$venv/bin/python" ]; then
    rm -rf "$venv"
fi
packages=$(grep -c '^[a-z0-9]' "$lock")
echo "Installing the $packages packages of $lock into $venv. The first time takes a minute or two …"
mkdir -p "$venv"
rm -f "$venv"/*-installed
touch "$unfinished"
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
pin pip >"$venv/pip.lock"
install --require-hashes -r "$venv/pip.lock"
install_lock
install --no-deps --no-build-isolation --editable .
rm -f "$unfinished"
touch "$stamp"
