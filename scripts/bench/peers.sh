#!/bin/sh
# Installs what `make bench` compares with into .bench/peers, an environment of its own; each is said to be missing when it cannot be had.
set -u
here=${1:-.bench/peers}
[ -x "$here/bin/python" ] || "${PYTHON:-python3}" -m venv "$here" || exit 0
# sgmllib3k: reader's own feedparser needs it, and does not ask for it
for peer in rss2email urlwatch webchanges reader sgmllib3k; do
    if "$here/bin/python" -c "import importlib.metadata as m; m.version('$peer')" 2>/dev/null; then continue; fi
    "$here/bin/python" -m pip install --quiet --disable-pip-version-check "$peer" >"$here/$peer.txt" 2>&1 ||
        echo "$peer could not be installed: $(tail -1 "$here/$peer.txt")" >&2
done
