#!/bin/sh
# Brings a machine to the point where every make target works: Node and pnpm of the versions that package.json names, in
# the user's cache (no global install; a second checkout shares them), and the workspace's packages. Idempotent: with
# nothing to do it takes under a second. Debian packages are installed only where something is missing, and each is said.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cache=${HOLDFAST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/holdfast}
node_version=$(sed -n 's/.*"node": ">=\([0-9.]*\).*/\1/p' "$root/package.json")
pnpm_version=$(sed -n 's/.*"packageManager": "pnpm@\([0-9.]*\)".*/\1/p' "$root/package.json")

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) fail "no Node $node_version package for $(uname -m); Holdfast runs on x86_64 and aarch64" ;;
esac

# debian COMMAND PACKAGE WHY: makes sure that a command is there.
debian() {
  command -v "$1" >/dev/null 2>&1 && return 0
  [ "$(id -u)" = 0 ] || fail "$1 is missing ($3); run once as root: apt-get install $2"
  command -v apt-get >/dev/null 2>&1 || fail "$1 is missing ($3) and this is not a Debian: install $2 and run make setup again"
  [ -n "${apt_updated:-}" ] || { apt-get update -qq; apt_updated=1; }
  say "Debian package $2 ($3)"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

tools=$cache/tools/node-$node_version-pnpm-$pnpm_version
if [ ! -e "$tools/complete" ]; then
  debian npm npm "fetches Node $node_version and pnpm $pnpm_version"
  say "Node $node_version and pnpm $pnpm_version into $tools"
  # Installed beside and renamed into place, so that an interrupted run never leaves half a tool behind.
  fresh=$tools.$$
  rm -rf "$fresh"
  mkdir -p "$fresh"
  npm install --prefix "$fresh" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
    "node-linux-$arch@$node_version" "@pnpm/exe.linux-$arch@$pnpm_version" >/dev/null
  mkdir "$fresh/bin"
  ln -s "../node_modules/node-linux-$arch/bin/node" "$fresh/bin/node"
  ln -s "../node_modules/@pnpm/exe.linux-$arch/pnpm" "$fresh/bin/pnpm"
  "$fresh/bin/node" --version >/dev/null || fail "the fetched Node does not start"
  touch "$fresh/complete"
  rm -rf "$tools"
  mv "$fresh" "$tools" 2>/dev/null || [ -e "$tools/complete" ] || fail "could not move $fresh to $tools"
fi
ln -sfn "$tools/bin/node" "$root/bin/node"
ln -sfn "$tools/bin/pnpm" "$root/bin/pnpm"

# The lockfile as installed last time; unchanged means that there is nothing to install.
stamp=$root/node_modules/.holdfast-setup
if ! cmp -s "$root/pnpm-lock.yaml" "$stamp"; then
  say "the workspace's packages"
  log=$(mktemp)
  # A changed lockfile is a developer's act (pnpm install), never a side effect of setup.
  (cd "$root" && PATH="$root/bin:$PATH" CI=true pnpm install --frozen-lockfile >"$log" 2>&1) ||
    { cat "$log" >&2; fail "pnpm install failed"; }
  rm -f "$log"
  cp "$root/pnpm-lock.yaml" "$stamp"
fi
