#!/bin/bash
# Packs a folder as a container image of one layer, the same bytes for the same folder, in the form that
# `ctr images import` and `kind load image-archive` take.
#   image.sh TAG FOLDER OUT.tar ENTRYPOINT [ARGUMENT…]
set -euo pipefail
[ $# -ge 4 ] || { echo 'usage: image.sh TAG FOLDER OUT.tar ENTRYPOINT [ARGUMENT…]' >&2; exit 2; }
tag=$1 folder=$2 out=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@"; }
pack -C "$folder" -cf "$work/layer.tar" .
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
entrypoint=$(printf ',"%s"' "$@")
case $(uname -m) in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  *) echo "image.sh: no image architecture for $(uname -m)" >&2; exit 1 ;;
esac
cat >"$work/config.json" <<END
{"architecture":"$architecture","os":"linux","config":{"Entrypoint":[${entrypoint:1}],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
END
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]\n' "$tag" >"$work/manifest.json"
pack -C "$work" -cf "$work/image.tar" manifest.json config.json layer.tar
mv "$work/image.tar" "$out"
