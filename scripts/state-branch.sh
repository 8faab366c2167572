#!/bin/sh
# Carries state/ and outbox/ between runs on a branch of its own, which holds nothing else and one commit only.
#   state-branch.sh fetch   lays out what the last run pushed; nothing when there never was a run
#   state-branch.sh push    pushes what is there now, unless the branch has moved since the fetch
# A branch that cannot be read is an error, never a first run: a first run announces nothing.
# Read: STATE_BRANCH (default watcher-state), STATE_REMOTE (default origin), GITHUB_TOKEN (optional; it stays in the environment).
set -eu
branch=${STATE_BRANCH:-watcher-state}
remote=${STATE_REMOTE:-origin}
ref=refs/heads/$branch
kept=$(git rev-parse --absolute-git-dir)
seen=$kept/watcher-state-seen

# git asks this for a password when the remote wants one; the token is in no file and in no command line.
with_token() {
    if [ -n "${GITHUB_TOKEN:-}" ]; then
        # shellcheck disable=SC2016  # the shell that git starts puts the token in
        git -c credential.helper= -c credential.helper='!f() { echo username=x-access-token; echo "password=$GITHUB_TOKEN"; }; f' "$@"
    else
        git "$@"
    fi
}

fetch() {
    if [ -e state/watcher.db ]; then
        echo "Here is a state already (state/watcher.db); it is not overwritten. Move it away first." >&2
        exit 1
    fi
    code=0
    with_token ls-remote --exit-code "$remote" "$ref" >"$seen.new" || code=$?
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
    rm -rf state outbox
    git archive FETCH_HEAD | tar -xf -
    git rev-parse FETCH_HEAD >"$seen"
    echo "The state of $(git log -1 --format=%cI FETCH_HEAD) is laid out."
}

push() {
    if [ ! -e "$seen" ]; then
        echo "Nothing was fetched before, so nothing is pushed: it might undo another run." >&2
        exit 1
    fi
    GIT_INDEX_FILE=$kept/watcher-state-index
    export GIT_INDEX_FILE
    rm -f "$GIT_INDEX_FILE"
    for folder in state outbox; do
        if [ -d "$folder" ]; then git add --force -- "$folder"; fi
    done
    tree=$(git write-tree)
    commit=$(git -c user.name='Advisory Watcher' -c user.email='watcher@example.org' commit-tree "$tree" -m 'State of the last run')
    # The lease: an empty value means that the branch must not be there.
    if ! with_token push --quiet --force-with-lease="$ref:$(cat "$seen")" "$remote" "$commit:$ref"; then
        echo "The state could not be pushed: $branch has moved since it was fetched, or cannot be reached. The next run starts from what is there:" >&2
        echo "it finds again what this one found, and may send again what this one sent." >&2
        exit 1
    fi
    echo "$commit" >"$seen"
    echo "The state is on $branch."
}

case ${1:-} in
fetch) fetch ;;
push) push ;;
*)
    echo "usage: state-branch.sh fetch|push" >&2
    exit 2
    ;;
esac
