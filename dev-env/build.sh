#!/bin/bash
# Builds everything that a cluster runs, from Go modules, into the user's cache, which all checkouts share: each module once
# per what it is made of (lib/build-module.sh), together a folder of hard links and images that clusters run from. Installs the
# Debian packages that nodes need. Nothing to do takes no time. Everything is built beside and renamed into place, so what an
# interrupted build leaves is removed by the next.
#   build.sh            everything
#   build.sh MODULE…    only those, and says where each is
. "$(dirname "$0")/lib/common.sh"
. "$dev_env/lib/go.sh"
. "$dev_env/lib/cache.sh"
debian_packages=(containerd runc containernetworking-plugins iptables conntrack dbus-daemon busybox-static iproute2 openssl)
# Go's build cache takes 7 of it.
room_limit_gib=12
room_limit_of_one_gib=3
# The seconds of a build for which Go's cache had nothing; a build from a filled cache tells nothing about it.
cold_record=$cache/cold-kubernetes-$KUBERNETES_VERSION

# require MODULE VERSION FOLDER: versions.env and the module's lock agree.
require() {
  grep -qE "^(require)?[[:space:]]*$1 v${2//./\\.}( |\$)" "$dev_env/modules/$3/go.mod" ||
    fail "versions.env wants $1 $2, dev-env/modules/$3/go.mod does not: run 'go get $1@v$2' there"
}
check_versions() {
  require k8s.io/kubernetes "$KUBERNETES_VERSION" kubernetes
  require go.etcd.io/etcd/server/v3 "$ETCD_VERSION" etcd
  require github.com/coredns/coredns "$COREDNS_VERSION" sidecars
  require helm.sh/helm/v4 "$HELM_VERSION" helm
  require helm.sh/helm/v3 "$HELM3_VERSION" helm3
  require github.com/kubernetes-csi/external-provisioner/v6 "$CSI_PROVISIONER_VERSION" csi-provisioner
  require github.com/kubernetes-csi/external-attacher/v4 "$CSI_ATTACHER_VERSION" sidecars
  require github.com/kubernetes-csi/external-resizer/v2 "$CSI_RESIZER_VERSION" sidecars
  require github.com/kubernetes-csi/external-snapshotter/v8 "$CSI_SNAPSHOTTER_VERSION" sidecars
  require github.com/kubernetes-csi/csi-test/v5 "$CSI_SANITY_VERSION" sidecars
  require github.com/godbus/dbus/v5 "$GODBUS_VERSION" node
}

install_packages() { # PACKAGE…
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "this is not a Debian: install what these packages hold by hand: ${missing[*]}"
  [ "$(id -u)" = 0 ] || fail "Debian packages are missing; run once as root: apt-get install ${missing[*]}"
  for package in "${missing[@]}"; do say "installs the Debian package $package"; done
  mkdir -p "$cache"
  if ! apt-get update >"$cache/apt.log" 2>&1 ||
    ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" >>"$cache/apt.log" 2>&1; then
    fail "apt-get did not install them: $(grep -E '^(E|Err)' "$cache/apt.log" | tail -n 1); see $cache/apt.log"
  fi
}

build_module() { # NAME ID
  local into=$cache/modules/$2 seconds compiled packages
  if [ ! -e "$into" ]; then
    find_go
    say "module $1"
    "$dev_env/lib/build-module.sh" "$1" "$into.part"
    touch "$into.part/used"
    mv "$into.part" "$into"
    # shellcheck source=/dev/null
    . "$into/record"
    say "module $1 took $seconds s; $compiled of $packages packages were compiled, the others came from Go's cache"
    [ "$1" != kubernetes ] || [ $((compiled * 100)) -lt $((packages * 95)) ] || printf '%s\n' "$seconds" >"$cold_record"
  fi
}

# The progress of a build that somebody else's checkout runs is waited for, not repeated.
begin_build() { # GIB-NEEDED
  local free
  mkdir -p "$cache/modules"
  exec {build_lock}>"$cache/lock"
  flock --nonblock "$build_lock" || { say 'another build runs; waiting for it'; flock "$build_lock"; }
  free=$(($(df --output=avail -k "$cache" | tail -n 1) / 1048576))
  [ "$free" -ge "$1" ] || fail "$cache has $free GiB free; a build needs $1 (HOLDFAST_CACHE names another folder)"
  rm -rf "$cache"/*.part "$cache"/modules/*.part
}

build_all() { # INTO
  local into=$1 module id
  begin_build "$room_limit_gib"
  [ ! -e "$into" ] || return 0
  say "into $into; a cold build takes about a quarter of an hour"
  mkdir -p "$into.part/bin"
  for module in $(modules); do
    id=$(module_id "$module")
    build_module "$module" "$id"
    ln "$cache/modules/$id"/bin/* "$into.part/bin/" || fail "two modules have a program of one name"
    printf '%s\n' "$id" >>"$into.part/modules"
  done
  "$dev_env/lib/build-images.sh" "$into.part"
  mv "$into.part" "$into"
  mark_build_used "$into"
  prune_cache "$into"
}

started=$SECONDS
check_versions
[ "$(uname -s)" = Linux ] || fail 'nodes are Linux namespaces; on another system use kind'
if [ $# -gt 0 ]; then
  for module in "$@"; do
    [[ " $(modules | xargs) " == *" $module "* ]] || fail "there is no module '$module'; there are $(modules | xargs)"
  done
  begin_build "$room_limit_of_one_gib"
  for module in "$@"; do
    id=$(module_id "$module")
    build_module "$module" "$id"
    mark_used "$cache/modules/$id"
    say "built: $cache/modules/$id"
  done
  exit
fi
install_packages "${debian_packages[@]}"
into=$cache/$(build_id)
if [ -e "$into" ]; then
  mark_build_used "$into"
  say "built: $into"
else
  build_all "$into"
  say "built in $((SECONDS - started)) s: $into"
fi
[ ! -e "$cold_record" ] || say "the cold build of Kubernetes took $(cat "$cold_record") s"
