#!/bin/sh
# Makes .venv and installs what requirements/$1.txt locks ("run" or "dev"), then this tree itself.
# Does nothing when that was done already: the stamp in .venv holds the checksum of what was installed.
set -eu
set_name=$1
venv=${VENV:-.venv}
lock=requirements/$set_name.txt

checksum() { cat "requirements/$1.txt" pyproject.toml | cksum; }
fail() { printf '%s\n' "$@" >&2; exit 1; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            fail "$("$candidate" --version) is here, but cannot make a virtual environment: its module venv or ensurepip is missing." \
                "On Debian and Ubuntu: apt-get install python3-venv. Then run this again."
        fi
    done
    if [ -n "${PYTHON:-}" ]; then fail "PYTHON=$PYTHON: No Python 3.11 or newer was found there. Name another one, or none."; fi
    fail "No Python 3.11 or newer was found. Install one, or name it: make run PYTHON=/path/to/python3.12"
}

if [ ! -f "$lock" ]; then fail "$lock is missing; it belongs to this repository (git checkout $lock)."; fi
same() { [ "$("$1" -c "$which" 2>/dev/null)" = "$("$2" -c "$which" 2>/dev/null)" ]; }
which='import sys; print(sys.base_prefix, sys.version)'
# Another interpreter that is named is taken, or refused: one of an earlier time must not stay unseen
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    { [ -n "${PYTHON:-}" ] && ! same "$PYTHON" "$venv/bin/python"; }; then
    python=$(find_python)
    echo "Making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi
stamp=$venv/installed-$set_name
if [ "$(cat "$stamp" 2>/dev/null)" = "$(checksum "$set_name")" ]; then exit 0; fi
echo "Installing what $lock locks"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" ||
    fail "The packages could not be installed (see above). A package index must be reachable, directly or by pip's own settings, this once."
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
if [ "$set_name" = dev ]; then checksum run >"$venv/installed-run"; fi # dev holds run
checksum "$set_name" >"$stamp"
