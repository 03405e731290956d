#!/bin/bash
# Fills containerd's store of a build with its images: unpack-store.sh BUILD. In namespaces of its own, so that containerd's
# mounts and processes end with it.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
built=$1
if [ "${2:-}" != inside ]; then
  [ ! -e "$built/store" ] || exit 0
  say 'unpacking the images, once for this build'
  rm -rf "$built/store.part"
  unshare --mount --pid --fork --kill-child=KILL --propagation private "$0" "$built" inside ||
    fail "containerd did not take the images of $built"
  mv "$built/store.part" "$built/store"
  exit 0
fi

mount -t proc proc /proc
mount -t tmpfs tmpfs /run
printf 'version = 2\nroot = "%s/store.part"\nstate = "/run/containerd"\n' "$built" >/run/containerd.toml
containerd -c /run/containerd.toml >/run/log 2>&1 &
answers() { ctr version >/dev/null 2>&1; }
wait_until 30 answers || { cat /run/log >&2; exit 1; }
for image in "$built"/images/*.tar; do ctr -n k8s.io images import "$image" >/dev/null; done
kill %1
wait %1 || true
