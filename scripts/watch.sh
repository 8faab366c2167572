#!/bin/sh
# What a scheduled workflow does between scripts/state-branch.sh fetch, seal and push.
#   watch.sh check     reads the state from state-text/, checks without sending, writes the state back
#   watch.sh send      sends what is due, writes the state back, and a summary of what was told and how everything is
#   watch.sh receipts  writes the state back as it is, also after a sending that was ended before it could
#   watch.sh publish   reads the state, makes feeds and page, and says where they lie (GITHUB_OUTPUT: site=FOLDER)
# Read: WATCHER (the command, default .venv/bin/watcher), WATCHER_ENVIRONMENT (lines NAME=value, for the ${NAME}s of the
# configuration), GITHUB_STEP_SUMMARY and GITHUB_OUTPUT (optional).
set -u
watcher=${WATCHER:-.venv/bin/watcher}

# Says to state-branch.sh that what lies in state-text/ is a whole state; without it nothing is sent or pushed.
kept=$(git rev-parse --absolute-git-dir) || exit 1
checked=$kept/watcher-state-checked
folders=$kept/watcher-state-folders # where the configuration puts outbox and evidence: state-branch.sh carries them from there
events=$kept/watcher-state-events   # what the check has established

# What stands in one secret becomes variables of their own; the log shows none of the values.
environment() {
    while IFS='=' read -r name value; do
        case $name in
        '' | '#'*) continue ;;
        [!A-Za-z_]* | *[!A-Za-z0-9_]*)
            echo "WATCHER_ENVIRONMENT: a line does not begin with NAME=. It is left out." >&2
            continue
            ;;
        esac
        if [ -z "$value" ]; then continue; fi
        if [ -n "${GITHUB_ACTIONS:-}" ]; then printf '::add-mask::%s\n' "$value"; fi
        export "$name=$value"
    done <<END
${WATCHER_ENVIRONMENT:-}
END
    unset WATCHER_ENVIRONMENT
}

# What was fetched goes to where the configuration wants it.
put() {
    to=$(sed -n "s/^$1	//p" "$folders")
    if [ -z "$to" ] || [ ! -d "$2" ] || [ "$2" = "$to" ]; then return 0; fi
    mkdir -p "$to" && cp -R "$2/." "$to/" && rm -rf "$2"
}

# Lays the state out that state-branch.sh has fetched.
lay_out() {
    "$watcher" state folders -q >"$folders" || exit 2
    # Whatever lies there is a state, or what is left of one: never a first run
    if [ -e state-text ] && ! "$watcher" state import -q state-text; then exit 2; fi
    put outbox "$PWD/outbox" && put evidence "$kept/watcher-state-evidence"
}

# What is shown may be a source's words, and GitHub takes "##[" anywhere in a line of the log for a command, as it does "::"
# at its beginning: it obeys none until it reads a word that nobody can guess.
deaf() {
    if [ -z "${GITHUB_ACTIONS:-}" ]; then return 0; fi
    word=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    echo "::stop-commands::$word"
}

hearing() {
    if [ -n "${GITHUB_ACTIONS:-}" ]; then echo "::$word::"; fi
}

# As it is, whatever stands in it: no line of ours begins with a fence.
fenced() {
    printf '\n~~~~text\n'
    cat
    printf '~~~~\n\n'
}

summary() {
    if [ -z "${GITHUB_STEP_SUMMARY:-}" ]; then return 0; fi
    {
        if [ -s "$events" ]; then
            echo '### Established by this check'
            fenced <"$events"
        else
            echo '### Nothing new'
        fi
        echo '### How everything is'
        "$watcher" status 2>&1 | fenced
    } >>"$GITHUB_STEP_SUMMARY"
}

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

environment
# One stream: what is said in another might be read after that word
if [ -n "${GITHUB_ACTIONS:-}" ]; then exec 2>&1; fi
deaf
trap hearing EXIT
case ${1:-} in
check)
    rm -f "$checked" "$events" "$folders"
    lay_out || exit 1
    code=0
    "$watcher" run --no-send >"$events" || code=$?
    cat "$events"
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
    summary
    hearing
    fading
    deaf
    written "$code"
    ;;
receipts)
    if [ ! -e "$checked" ]; then
        echo "The check did not come to its end: nothing is written." >&2
        exit 1
    fi
    "$watcher" state export -q state-text
    ;;
publish)
    lay_out || exit 1
    "$watcher" publish || exit
    if [ -n "${GITHUB_OUTPUT:-}" ]; then sed -n 's/^site	/site=/p' "$folders" >>"$GITHUB_OUTPUT"; fi
    ;;
*)
    echo "usage: watch.sh check|send|receipts|publish" >&2
    exit 2
    ;;
esac
