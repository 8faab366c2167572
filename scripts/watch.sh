#!/bin/sh
# What a scheduled workflow does between scripts/state-branch.sh fetch, seal and push.
#   watch.sh check   reads the state from state-text/, checks without sending, writes the state back
#   watch.sh send    sends what is due, writes the state back, and a summary of how everything is
# Read: WATCHER (the command, default .venv/bin/watcher), GITHUB_STEP_SUMMARY (optional).
set -u
watcher=${WATCHER:-.venv/bin/watcher}

written() {
    "$watcher" state export -q state-text || exit 1
    exit "$1"
}

case ${1:-} in
check)
    if [ -e state-text/meta.jsonl ] && ! "$watcher" state import -q state-text; then exit 2; fi
    code=0
    "$watcher" run --no-send || code=$?
    # 2: the configuration is wrong, and nothing was touched
    [ "$code" -ne 2 ] || exit 2
    written "$code"
    ;;
send)
    code=0
    "$watcher" send || code=$?
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
        {
            echo '```text'
            "$watcher" status 2>&1
            echo '```'
            echo 'GitHub switches the schedule of a public repository off after 60 days without a commit to its main branch; the state branch does not count.'
        } >>"$GITHUB_STEP_SUMMARY"
    fi
    written "$code"
    ;;
*)
    echo "usage: watch.sh check|send" >&2
    exit 2
    ;;
esac
