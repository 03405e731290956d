#!/bin/bash
# The images that every node has: build-images.sh INTO packs programs of INTO/bin, one each, and Debian's busybox.
set -euo pipefail
into=$1 image=$(dirname "${BASH_SOURCE[0]}")/../image.sh
tree=$into/tree
mkdir -p "$into/images" "$tree"/busybox/{bin,tmp,etc,proc,sys,dev,root}
cp /bin/busybox "$tree/busybox/bin/"
for applet in $(/bin/busybox --list); do
  [ "$applet" = busybox ] || ln -s busybox "$tree/busybox/bin/$applet"
done
"$image" holdfast.test/busybox:1 "$tree/busybox" "$into/images/busybox.tar" /bin/sh
for name in pause coredns csi-provisioner csi-attacher csi-resizer csi-snapshotter snapshot-controller; do
  mkdir -p "$tree/$name/tmp"
  ln "$into/bin/$name" "$tree/$name/$name"
  "$image" "holdfast.test/$name:1" "$tree/$name" "$into/images/$name.tar" "/$name"
done
rm -rf "$tree"
