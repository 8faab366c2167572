#!/bin/sh
# What a scheduled workflow does between scripts/state-branch.sh fetch, seal and push.
#   watch.sh check   reads the state from state-text/, checks without sending, writes the state back
#   watch.sh send    sends what is due, writes the state back, and a summary of how everything is
# Read: WATCHER (the command, default .venv/bin/watcher), GITHUB_STEP_SUMMARY (optional).
set -u
watcher=${WATCHER:-.venv/bin/watcher}

# Says to state-branch.sh that what lies in state-text/ is a whole state; without it nothing is sent or pushed.
checked=$(git rev-parse --absolute-git-dir)/watcher-state-checked || exit 1

written() {
    "$watcher" state export -q state-text || exit 1
    : >"$checked" || exit 1
    exit "$1"
}

# GitHub switches the schedule of a public repository off 60 days after its last commit; the state's branch does not count.
fading() {
    if grep -q '"private": *true' "${GITHUB_EVENT_PATH:-/dev/null}" 2>/dev/null; then return 0; fi
    last=$(git log -1 --format=%ct 2>/dev/null) || return 0
    left=$((60 - ($(date +%s) - last) / 86400))
    if [ "$left" -gt 15 ]; then return 0; fi
    if [ "$left" -gt 0 ]; then when="in $left day$([ "$left" -eq 1 ] || echo s)"; else when='any day now'; fi
    note="The last commit here is of $(git log -1 --format=%cs). In a public repository GitHub switches this schedule off $when: \
push a commit, or enable the workflow again on the Actions page."
    echo "::warning title=The schedule is about to be switched off::$note"
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then printf '\n> [!WARNING]\n> %s\n' "$note" >>"$GITHUB_STEP_SUMMARY"; fi
}

case ${1:-} in
check)
    rm -f "$checked"
    if [ -e state-text/meta.jsonl ] && ! "$watcher" state import -q state-text; then exit 2; fi
    code=0
    "$watcher" run --no-send || code=$?
    # 2: the configuration is wrong, and nothing was touched
    [ "$code" -ne 2 ] || exit 2
    written "$code"
    ;;
send)
    if [ ! -e "$checked" ]; then
        echo "The check did not come to its end: nothing is sent." >&2
        exit 1
    fi
    code=0
    "$watcher" send || code=$?
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
        {
            echo '```text'
            "$watcher" status 2>&1
            echo '```'
        } >>"$GITHUB_STEP_SUMMARY"
    fi
    fading
    written "$code"
    ;;
*)
    echo "usage: watch.sh check|send" >&2
    exit 2
    ;;
esac
