#!/bin/sh
# Builds what a release consists of into release/: dist/ (wheel and source package), notes.md, and the list of what an
# installation holds (CycloneDX). release.sh TAG: the tag must be the version of the program and of the changelog.
set -eu
tag=$1
python=${PYTHON:-python3}
aside=$(mktemp -d)
trap 'rm -rf "$aside"' EXIT

# environment NAME WORDS...: a virtual environment, and what pip installs into it
environment() {
    "$python" -m venv "$aside/$1"
    name=$1
    shift
    "$aside/$name/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

rm -rf release
mkdir release
"$python" scripts/release_notes.py "$tag" >release/notes.md
environment build --require-hashes -r requirements/run.txt
"$aside/build/bin/python" -m hatchling build --directory release/dist

# The wheel as an administrator gets it, at the versions that were tested; what builds it is not in it.
sed -n 's/^\([A-Za-z0-9._-]*\)\(\[[^]]*\]\)\{0,1\}\(==[^\\]*\).*/\1\3/p' requirements/run.txt >"$aside/pins.txt"
"$python" -m venv --without-pip "$aside/installed"
"$aside/build/bin/python" -m pip --python "$aside/installed/bin/python" install --quiet --disable-pip-version-check \
    --constraint "$aside/pins.txt" --find-links release/dist "advisory-watcher==${tag#v}"
environment list --require-hashes -r requirements/release.txt
"$aside/list/bin/cyclonedx-py" environment --output-reproducible --output-format JSON \
    --output-file release/advisory-watcher.cdx.json "$aside/installed/bin/python"
(cd release && sha256sum dist/* advisory-watcher.cdx.json)
