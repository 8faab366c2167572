#!/usr/bin/env bash
# Runs the suite against the wheel in a folder: test-wheel.sh FOLDER. The source is taken away from this tree, so that
# nothing but the wheel can be what is tested; tests that look at the source itself are left out.
set -euo pipefail
folder=$1
python -m venv .venv
bin=.venv/bin
[ -d "$bin" ] || bin=.venv/Scripts
"$bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
"$bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index "$folder"/*.whl
rm -rf watcher # what the tests read of templates/ and demo/ stays; the wheel has its own
"$bin/watcher" --version
"$bin/advisory-watcher" demo --out out/demo
"$bin/python" -m pytest -n "${JOBS:-2}" --ignore tests/run/test_packages.py --ignore tests/run/test_first_mail.py --ignore tests/run/test_as_on_windows.py \
    tests/unit tests/laws tests/sources tests/formats tests/stories tests/edges tests/run
