#!/bin/bash
# Types the README's two commands, `make quickstart` and `make test`, on a bare machine: a Debian made by debootstrap that
# has git, make and a certificate bundle and nothing else: no Node, no Go, no cache of ours. The Debian is kept in the
# user's cache (it is not what is tested); what setup fetches is not. Everything happens in a mount and process namespace
# over an overlay, so that the end of this script, however it comes, leaves nothing behind.
#   test-bare.sh [COMMAND…]    types these instead; HOLDFAST_BARE_CACHE names one folder of our cache that goes along
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cache=${HOLDFAST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/holdfast}/bare
base=$cache/bookworm
say() { printf 'bare: %s\n' "$*"; }

[ "$(id -u)" = 0 ] || { echo 'bare: a bare Debian is made and entered as root; run it with sudo' >&2; exit 77; }

if [ "${1:-}" != inside-namespace ]; then
  exec unshare --mount --pid --fork --kill-child=KILL --propagation private "$0" inside-namespace "$@"
fi
shift
commands=("$@")
[ $# -gt 0 ] || commands=('make setup' 'make quickstart' 'make test')

# shellcheck disable=SC2016 # apt-get expands
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
if [ ! -e "$base.complete" ]; then
  command -v debootstrap >/dev/null || { say 'Debian package debootstrap'; apt-get update -qq; apt-get install -y -qq debootstrap >/dev/null; }
  say "debootstrap bookworm into $base"
  rm -rf "$base"
  mkdir -p "$cache"
  debootstrap --variant=minbase --include=ca-certificates,git,make bookworm "$base" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
    { tail -n 20 "$cache/debootstrap.log" >&2; exit 1; }
  touch "$base.complete"
fi

# On a tmpfs: overlay's upper layer may not lie on another overlay, and it vanishes with the namespace.
scratch=$(mktemp -d)
mount -t tmpfs -o size=8g holdfast-bare "$scratch"
trap 'umount -l "$scratch" && rmdir "$scratch"' EXIT
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
machine=$scratch/root
mount -t proc proc "$machine/proc"
mount --rbind /sys "$machine/sys"
mount --rbind /dev "$machine/dev"
mount -t tmpfs tmpfs "$machine/tmp"

# How this machine reaches its package registries is the machine's business: names, trust and clients' settings go along.
for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt /etc/npmrc "$HOME/.npmrc"; do
  [ -e "$file" ] || continue
  mkdir -p "$machine/$(dirname "$file")"
  cp -L "$file" "$machine/$file"
done
cp -a /etc/apt/apt.conf.d/. "$machine/etc/apt/apt.conf.d/"
printf 'deb %s bookworm main\n' "$mirror" >"$machine/etc/apt/sources.list"
git clone --quiet "file://$root" "$machine/root/holdfast"

if [ -n "${HOLDFAST_BARE_CACHE:-}" ]; then
  mkdir -p "$machine/root/.cache/holdfast/$HOLDFAST_BARE_CACHE"
  mount --bind "${cache%/bare}/$HOLDFAST_BARE_CACHE" "$machine/root/.cache/holdfast/$HOLDFAST_BARE_CACHE"
fi

# The root is turned, not only changed: a cluster's nodes enter each other's mount tables, which starts at their real root.
# shellcheck disable=SC2016 # the inner shell expands
inside() {
  unshare --mount --propagation private env -i HOME=/root TERM=dumb LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    ${NODE_EXTRA_CA_CERTS:+NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt} \
    ${SSL_CERT_FILE:+SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt} \
    sh -ec 'cd "$0"; pivot_root . .; umount -l .; cd /root/holdfast; exec sh -c "$1"' "$machine" "$1" </dev/null
}

if inside 'command -v node || command -v go'; then
  echo 'bare: the machine is not bare' >&2
  exit 1
fi
for command in "${commands[@]}"; do
  started=$SECONDS
  say "$command"
  inside "$command" || { echo "bare: $command failed after $((SECONDS - started)) s" >&2; exit 1; }
  say "$command took $((SECONDS - started)) s"
  if [ "$command" = 'make setup' ] && [ $((SECONDS - started)) -gt 300 ]; then
    echo 'bare: make setup is slower than its bar of 300 s' >&2
    exit 1
  fi
done
