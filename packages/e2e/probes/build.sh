#!/bin/bash
# Compiles the probe into one static binary and packs it, with busybox beside it, as a container image:
#   build.sh FOLDER    makes FOLDER/probe and FOLDER/probe.tar (image holdfast.test/probe:1)
# Relies on gcc, Debian's kernel headers and busybox-static, and dev-env/image.sh.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out/tree/bin"
gcc -std=gnu17 -O2 -Wall -Wextra -Werror -static -pthread -o "$out/probe" "$here"/*.c
cp "$out/probe" "$out/tree/probe"
cp /bin/busybox "$out/tree/bin/busybox"
"$here/../../../dev-env/image.sh" holdfast.test/probe:1 "$out/tree" "$out/probe.tar" /probe
rm -rf "$out/tree"
