#!/bin/sh
# Resolves pyproject.toml for every system and Python from 3.11 on, with hashes, naming no index.
# uv is installed aside: it is needed for nothing else.
set -eu
aside=$(mktemp -d)
trap 'rm -rf "$aside"' EXIT
"${PYTHON:-python3}" -m venv "$aside"
"$aside/bin/python" -m pip install --quiet --disable-pip-version-check uv
# ARGS goes on to uv: make lock ARGS=--upgrade
compile() {
    name=$1
    shift
    # shellcheck disable=SC2086  # several words
    "$aside/bin/uv" pip compile "$@" --output-file "requirements/$name.txt" --quiet \
        --universal --python-version 3.11 --generate-hashes --no-header --no-config \
        --no-emit-index-url --no-emit-find-links --no-strip-extras ${ARGS:-}
    echo "requirements/$name.txt: $(grep -c '==' "requirements/$name.txt") packages"
}
# run first; dev is held to the same versions, so that what is tested is what runs.
compile run pyproject.toml --group build
compile dev pyproject.toml --group build --group dev --constraint requirements/run.txt
# What makes a release, and is no part of it.
compile release --group release --constraint requirements/dev.txt
