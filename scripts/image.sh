#!/bin/sh
# Builds and publishes the image of a release, from the unpacked source package that this script lies in.
#   image.sh build                the image advisory-watcher, here, and its demo
#   image.sh push PLATFORM        the same, pushed to $REGISTRY/$GITHUB_REPOSITORY under the platform's name
#   image.sh join PLATFORM...     one name for what was pushed: the version, and latest
# Read: REGISTRY, GITHUB_REPOSITORY, GITHUB_OUTPUT (name and digest of what was joined).
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' "$here/watcher/__init__.py")

# Registries take no capital letters.
name=$(echo "${REGISTRY:-local}/${GITHUB_REPOSITORY:-advisory-watcher}" | tr '[:upper:]' '[:lower:]')
tagged() { echo "$name:$version-$(echo "$1" | tr / -)"; }

build() {
    docker build --tag advisory-watcher --label "org.opencontainers.image.version=$version" \
        --label org.opencontainers.image.licenses=Apache-2.0 --file "$here/deploy/container/Containerfile" "$here"
    docker run --rm --read-only --cap-drop=all --network=none --tmpfs /tmp advisory-watcher demo >/dev/null
    echo "The image of version $version relives its demo."
}

case ${1:-} in
build) build ;;
push)
    build
    docker tag advisory-watcher "$(tagged "$2")"
    docker push --quiet "$(tagged "$2")"
    ;;
join)
    shift
    images=
    for platform in "$@"; do images="$images $(tagged "$platform")"; done
    # shellcheck disable=SC2086  # several names
    docker buildx imagetools create --tag "$name:$version" --tag "$name:latest" $images
    digest=$(docker buildx imagetools inspect "$name:$version" --format '{{.Manifest.Digest}}')
    printf 'name=%s\ndigest=%s\n' "$name" "$digest" >>"$GITHUB_OUTPUT"
    ;;
*)
    echo "usage: image.sh build | push PLATFORM | join PLATFORM..." >&2
    exit 2
    ;;
esac
