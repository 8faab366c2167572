#!/bin/sh
# Carries the state, as the sorted text of `watcher state export`, outbox and evidence between runs on a branch of its own.
#   state-branch.sh fetch   lays out state-text/ and outbox/ as the last run pushed them; nothing when there never was a run.
#                           Evidence is laid aside; watch.sh puts both to where the configuration wants them
#   state-branch.sh seal    pushes them before anything is sent; refused when another run was faster, and then nothing may be sent
#   state-branch.sh push    pushes them after sending: if the branch has moved, the receipts are merged into what is there (receipts.py)
# A branch that cannot be read, or that is gone after a run has pushed it, is an error, never a first run: a first run
# announces nothing. That there were runs, and the state of the last one, is kept at refs/watcher/BRANCH.
# Nothing is pushed when nothing but check times has changed and no source fails.
# Read: STATE_BRANCH (default watcher-state), STATE_REMOTE (default origin), GITHUB_TOKEN (optional; it stays in the environment).
set -eu
branch=${STATE_BRANCH:-watcher-state}
remote=${STATE_REMOTE:-origin}
ref=refs/heads/$branch
last=refs/watcher/$branch
here=$(dirname "$0")
kept=$(git rev-parse --absolute-git-dir)
seen=$kept/watcher-state-seen
checked=$kept/watcher-state-checked # watch.sh makes it when a check has written its state
folders=$kept/watcher-state-folders # watch.sh writes it: outbox and evidence, and where the configuration puts them
evidence=$kept/watcher-state-evidence
tries=5

# git asks this for a password when the remote wants one; the token is in no file and in no command line.
with_token() {
    if [ -n "${GITHUB_TOKEN:-}" ]; then
        # shellcheck disable=SC2016  # the shell that git starts puts the token in
        git -c credential.helper= -c credential.helper='!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f' "$@"
    else
        git "$@"
    fi
}

as_watcher() {
    git -c user.name='Advisory Watcher' -c user.email='watcher@example.org' "$@"
}

fetch() {
    if [ -e state/watcher.db ] || [ -e state-text ]; then
        echo "Here is a state already (state/watcher.db or state-text); it is not overwritten. Move it away first." >&2
        exit 1
    fi
    rm -f "$checked"
    code=0
    with_token ls-remote --exit-code "$remote" "$ref" >"$seen.new" || code=$?
    if [ "$code" -eq 2 ]; then
        with_token ls-remote "$remote" "$last" >"$seen.last" || code=1
        if [ -s "$seen.last" ]; then
            echo "The branch $branch of $remote is gone, and there were runs: this is no first run, which would announce nothing." >&2
            echo "Put it back: git fetch $remote $last && git push $remote FETCH_HEAD:$ref" >&2
            echo "Or begin anew: git push $remote :$last" >&2
            exit 1
        fi
    fi
    if [ "$code" -eq 2 ]; then
        echo "$remote has no branch $branch yet: this is the first run."
        : >"$seen"
        return
    fi
    if [ "$code" -ne 0 ]; then
        echo "The branch $branch of $remote could not be read. Nothing is run without the state; run this again." >&2
        exit 1
    fi
    with_token fetch --quiet --no-tags --depth=1 "$remote" "$ref"
    if ! git cat-file -e FETCH_HEAD:state-text/meta.jsonl 2>/dev/null; then
        echo "The branch $branch of $remote holds no state. Name another branch, or delete it to begin anew: a first run announces nothing." >&2
        exit 1
    fi
    rm -rf outbox "$evidence"
    # shellcheck disable=SC2046  # two names at most, ours
    git archive FETCH_HEAD -- $(git ls-tree --name-only FETCH_HEAD state-text outbox) | tar -xf -
    # What git is told elsewhere to leave out of an archive would make this a first run
    if [ ! -e state-text/meta.jsonl ]; then
        echo "The state of the branch $branch could not be laid out. See whether export-ignore stands in your git attributes." >&2
        exit 1
    fi
    if git cat-file -e FETCH_HEAD:evidence 2>/dev/null; then
        mkdir -p "$evidence"
        git archive FETCH_HEAD:evidence | tar -xf - -C "$evidence"
    fi
    git rev-parse FETCH_HEAD >"$seen"
    echo "The state of $(git log -1 --format=%cI FETCH_HEAD) is laid out."
}

# whole FOLDER: the tree of everything in a folder, wherever it lies
whole() (
    GIT_INDEX_FILE=$kept/watcher-state-folder
    export GIT_INDEX_FILE
    rm -f "$GIT_INDEX_FILE"
    cd "$1"
    git --git-dir="$kept" --work-tree=. add --force --all .
    git --git-dir="$kept" write-tree
)

# Sets tree to what lies here; fails when nothing but check times has changed since the fetch, and no source failed or fails.
changed() {
    if [ -e "$folders" ]; then
        grep -E '^(outbox|evidence)	' "$folders" >"$kept/watcher-state-carried" || :
    else
        printf 'outbox\t%s\n' "$PWD/outbox" >"$kept/watcher-state-carried"
    fi
    GIT_INDEX_FILE=$kept/watcher-state-index
    export GIT_INDEX_FILE
    rm -f "$GIT_INDEX_FILE"
    if [ -d state-text ]; then git add --force -- state-text; fi
    while IFS='	' read -r name place; do
        if [ -d "$place" ]; then git read-tree --prefix="$name/" "$(whole "$place")"; fi
    done <"$kept/watcher-state-carried"
    tree=$(git write-tree)
    unset GIT_INDEX_FILE
    before=$(cat "$seen")
    if [ -z "$before" ]; then return 0; fi
    if ! git diff --quiet "$before" "$tree" -- . ':!state-text/times.jsonl'; then return 0; fi
    { cat state-text/times.jsonl; git show "$before:state-text/times.jsonl" 2>/dev/null || :; } | grep -q '"failures":[1-9]'
}

# The lease: an empty value means that the branch must not be there.
to_branch() {
    with_token push --quiet --atomic --force-with-lease="$ref:$1" "$remote" "$2:$ref" "+$2:$last" && echo "$2" >"$seen"
}

commit() {
    before=$(cat "$seen")
    as_watcher commit-tree "$tree" ${before:+-p "$before"} -m "$1"
}

ready() {
    if [ ! -e "$seen" ]; then
        echo "Nothing was fetched before, so nothing is pushed: it might undo another run." >&2
        exit 1
    fi
    if [ ! -e "$checked" ]; then
        echo "The check did not come to its end, so nothing is pushed: $branch stays as it is. The step Check says why." >&2
        exit 1
    fi
    # An export that was ended in its middle is no state: the next run would refuse it
    if [ -e state-text/manifest.json ] && ! python3 "$here/manifest.py" state-text | cmp -s - state-text/manifest.json; then
        echo "What lies in state-text/ is not whole, so nothing is pushed: $branch stays as it is." >&2
        exit 1
    fi
    if ! changed; then
        echo "Nothing but check times has changed: nothing is pushed."
        exit 0
    fi
}

seal() {
    ready
    if ! to_branch "$(cat "$seen")" "$(commit 'What a check has found, before anything is sent')"; then
        echo "$branch has moved since it was fetched (another run was faster), cannot be reached, or a rule refuses the push; git says which." >&2
        echo "Nothing may be sent from here: the next run starts from what is there, and finds again what this one found." >&2
        exit 1
    fi
    echo "What the check has found is on $branch."
}

# Sets tree to theirs and mine together. Where git finds both in the same lines of the receipts, row by row; the manifest
# is made anew; a copy of a page, or a file of evidence, that both have written is theirs. Fails when more does not fit.
merge() {
    theirs=$1
    mine=$2
    receipts=state-text/deliveries.jsonl
    manifest=state-text/manifest.json
    if tree=$(git merge-tree --write-tree --name-only --no-messages "$theirs" "$mine" 2>/dev/null); then return 0; fi
    printf '%s\n' "$tree" | tail -n +2 >"$kept/watcher-state-conflicts"
    if grep -v -E "^($receipts|$manifest|evidence/.*)\$" "$kept/watcher-state-conflicts" >/dev/null; then return 1; fi
    tree=$(printf '%s\n' "$tree" | head -n 1)
    GIT_INDEX_FILE=$kept/watcher-state-index
    export GIT_INDEX_FILE
    rm -f "$GIT_INDEX_FILE"
    tree=$(settled) || tree=
    unset GIT_INDEX_FILE
    [ -n "$tree" ]
}

# Prints the tree of a merge whose conflicts are settled, by the index that merge has chosen.
settled() {
    git read-tree "$tree" || return 1
    while read -r path; do
        if [ "$path" = "$receipts" ]; then
            blob=$(both_receipts) || return 1
        elif [ "$path" = "$manifest" ]; then
            # Of what is merged: when all else is settled
            continue
        else
            blob=$(git rev-parse --verify --quiet "$theirs:$path") || blob=
        fi
        if [ -n "$blob" ]; then git update-index --cacheinfo "100644,$blob,$path"; else git update-index --force-remove "$path"; fi || return 1
    done <"$kept/watcher-state-conflicts"
    if grep -q -x "$manifest" "$kept/watcher-state-conflicts"; then
        blob=$(new_manifest) || return 1
        git update-index --cacheinfo "100644,$blob,$manifest" || return 1
    fi
    git write-tree
}

new_manifest() {
    merged=$kept/watcher-state-merged
    rm -rf "$merged"
    git ls-files -z state-text | git checkout-index -z --stdin --force --prefix="$merged/" || return 1
    git show "$theirs:$manifest" >"$merged/$manifest" || return 1
    python3 "$here/manifest.py" "$merged/state-text" >"$kept/watcher-state-manifest" || return 1
    rm -rf "$merged"
    git hash-object -w "$kept/watcher-state-manifest"
}

both_receipts() {
    base=$(git merge-base "$theirs" "$mine") || return 1
    for side in base theirs mine; do
        case $side in base) from=$base ;; theirs) from=$theirs ;; mine) from=$mine ;; esac
        git show "$from:$receipts" >"$kept/receipts-$side" || return 1
    done
    python3 "$here/receipts.py" "$kept/receipts-base" "$kept/receipts-theirs" "$kept/receipts-mine" >"$kept/receipts-merged" || return 1
    git hash-object -w "$kept/receipts-merged"
}

push() {
    ready
    mine=$(commit 'What was sent')
    if to_branch "$(cat "$seen")" "$mine"; then
        echo "The state is on $branch."
        return
    fi
    while [ "$tries" -gt 0 ]; do
        tries=$((tries - 1))
        with_token fetch --quiet --no-tags "$remote" "$ref" || continue
        theirs=$(git rev-parse FETCH_HEAD)
        merge "$theirs" "$mine" || break
        if to_branch "$theirs" "$(as_watcher commit-tree "$tree" -p "$theirs" -m 'What was sent, beside another run')"; then
            echo "The state is on $branch, merged with another run's."
            return
        fi
    done
    aside=$branch-$(git rev-parse --short "$mine")
    if with_token push --quiet "$remote" "$mine:refs/heads/$aside"; then
        echo "$branch holds what does not fit; what this run sent and learned is kept on $aside." >&2
    fi
    echo "The state could not be pushed to $branch. The next run finds again what this one found, and may send again what this one sent." >&2
    exit 1
}

case ${1:-} in
fetch) fetch ;;
seal) seal ;;
push) push ;;
*)
    echo "usage: state-branch.sh fetch|seal|push" >&2
    exit 2
    ;;
esac
