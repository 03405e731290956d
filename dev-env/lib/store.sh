# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced: containerd's store with the images of the build already unpacked. A node gets it by hard links, which costs
# nothing: blobs and committed snapshots are never written again, only containerd's databases are, and they are copied.

# fill_store BUILD: imports the images once per build.
fill_store() {
  local built=$1
  [ ! -e "$built/store" ] || return 0
  rm -rf "$built/store.part"
  say 'unpacking the images, once for this build'
  # Namespaces of its own: containerd's mounts and its processes end with it.
  # shellcheck disable=SC2016 # the inner shell expands
  unshare --mount --pid --fork --kill-child=KILL --propagation private bash -euo pipefail -c '
    mount -t proc proc /proc
    mount -t tmpfs tmpfs /run
    printf "version = 2\nroot = \"$1/store.part\"\nstate = \"/run/containerd\"\n" >/run/containerd.toml
    containerd -c /run/containerd.toml >/run/log 2>&1 &
    until ctr version >/dev/null 2>&1; do kill -0 $! && [ $SECONDS -lt 30 ] || { cat /run/log >&2; exit 1; }; sleep 0.1; done
    for image in "$1"/images/*.tar; do ctr -n k8s.io images import "$image" >/dev/null || { cat /run/log >&2; exit 1; }; done
    kill %1 && wait %1 || true' - "$built" || fail "containerd did not take the images of $built"
  mv "$built/store.part" "$built/store"
}

# give_store BUILD FOLDER
give_store() {
  local database
  cp -al "$1/store" "$2" 2>/dev/null || { rm -rf "$2"; cp -a "$1/store" "$2"; }
  find "$2" -name '*.db' | while read -r database; do
    cp --remove-destination "$1/store/${database#"$2/"}" "$database"
  done
}
