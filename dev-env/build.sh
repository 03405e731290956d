#!/bin/bash
# Builds everything that a cluster runs, from Go modules, into one folder of the user's cache that is named by the hash of
# its versions and shared by all checkouts; also installs the Debian packages that nodes run. Nothing to do takes no time.
# Built beside and renamed into place: an interrupted build leaves a folder that the next one removes.
. "$(dirname "$0")/lib/common.sh"
debian_packages=(containerd runc containernetworking-plugins iptables conntrack dbus-daemon busybox-static iproute2 openssl)
room_limit_gib=12

# require MODULE VERSION FOLDER: versions.env and the module's lock agree.
require() {
  grep -qE "^(require)?[[:space:]]*$1 v${2//./\\.}( |\$)" "$dev_env/modules/$3/go.mod" ||
    fail "versions.env wants $1 $2, dev-env/modules/$3/go.mod does not: run 'go get $1@v$2' there"
}
check_versions() {
  require k8s.io/kubernetes "$KUBERNETES_VERSION" kubernetes
  require go.etcd.io/etcd/server/v3 "$ETCD_VERSION" etcd
  require github.com/coredns/coredns "$COREDNS_VERSION" sidecars
  require helm.sh/helm/v4 "$HELM_VERSION" sidecars
  require github.com/kubernetes-csi/external-provisioner/v6 "$CSI_PROVISIONER_VERSION" provisioner
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
  say "Debian packages ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Puts a Go that is new enough into PATH: the machine's, or the one that Debian's old Go fetches as the module that
# golang.org/toolchain is. A fetched module's programs are not executable; hence the copy.
find_go() {
  local have
  have=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || have=
  if [ -n "$have" ] && [ "$(printf '%s\n' "$GO_VERSION" "$have" | sort -V | head -n 1)" = "$GO_VERSION" ]; then return; fi
  local go=$cache/go-$GO_VERSION architecture=amd64
  [ "$(uname -m)" != aarch64 ] || architecture=arm64
  if [ ! -e "$go" ]; then
    command -v go >/dev/null || install_packages golang-go ca-certificates
    say "Go $GO_VERSION, fetched as a module by Go ${have:-of Debian}"
    local fetched
    fetched=$(cd / && GOFLAGS=-mod=mod GOMODCACHE="$cache/go.part/mod" \
      go mod download -json "golang.org/toolchain@v0.0.1-go$GO_VERSION.linux-$architecture" | sed -n 's/^.*"Dir": "\(.*\)".*/\1/p')
    [ -n "$fetched" ] || fail "Go $GO_VERSION could not be fetched through the Go module proxy (GOPROXY=$(go env GOPROXY))"
    cp -r --no-preserve=mode "$fetched" "$cache/go.part/go"
    chmod -R a+x "$cache/go.part/go/bin" "$cache/go.part/go/pkg/tool"
    mv "$cache/go.part/go" "$go"
    chmod -R u+w "$cache/go.part"
    rm -rf "$cache/go.part"
  fi
  export PATH=$go/bin:$PATH
}

build_programs() { # INTO
  local name=k8s.io/component-base/version into=$1
  export GOBIN=$into/bin CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-trimpath -buildvcs=false ${HOLDFAST_GOFLAGS:-}"
  say 'etcd, pause, logind'
  (cd "$dev_env/modules/etcd" && go build -ldflags '-s -w' -o "$GOBIN/etcd" .)
  (cd "$dev_env/modules/node" && go install -ldflags '-s -w' ./...)
  say "Kubernetes $KUBERNETES_VERSION"
  (cd "$dev_env/modules/kubernetes" && go install -ldflags "-s -w -X $name.gitVersion=v$KUBERNETES_VERSION \
    -X $name.gitMajor=1 -X $name.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")" tool)
  say 'CoreDNS, Helm, CSI sidecars'
  (cd "$dev_env/modules/sidecars" && go install -ldflags '-s -w' tool)
  (cd "$dev_env/modules/provisioner" && go install -ldflags '-s -w' tool)
}

build_images() { # INTO
  local into=$1 name applet
  local tree=$into/tree
  mkdir -p "$into/images" "$tree"/busybox/{bin,tmp,etc,proc,sys,dev,root}
  cp /bin/busybox "$tree/busybox/bin/"
  for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$tree/busybox/bin/$applet"
  done
  "$dev_env/image.sh" holdfast.test/busybox:1 "$tree/busybox" "$into/images/busybox.tar" /bin/sh
  for name in pause coredns csi-provisioner csi-attacher csi-resizer csi-snapshotter snapshot-controller; do
    mkdir -p "$tree/$name/tmp"
    ln "$into/bin/$name" "$tree/$name/$name"
    "$dev_env/image.sh" "holdfast.test/$name:1" "$tree/$name" "$into/images/$name.tar" "/$name"
  done
  rm -rf "$tree"
}

# The progress of a build that somebody else's checkout runs is waited for, not repeated.
build() {
  local into=$1 free
  mkdir -p "$cache"
  exec {build_lock}>"$cache/lock"
  flock --nonblock "$build_lock" || { say 'another build runs; waiting for it'; flock "$build_lock"; }
  [ ! -e "$into" ] || return 0
  free=$(($(df --output=avail -k "$cache" | tail -n 1) / 1048576))
  [ "$free" -ge "$room_limit_gib" ] || fail "$cache has $free GiB free; a build needs $room_limit_gib (Go's build cache takes 7)"
  rm -rf "$cache"/*.part
  find_go
  mkdir -p "$into.part"
  say "into $into; a cold build takes about a quarter of an hour"
  build_programs "$into.part"
  build_images "$into.part"
  mv "$into.part" "$into"
}

started=$SECONDS
check_versions
[ "$(uname -s)" = Linux ] || fail 'nodes are Linux namespaces; on another system use kind'
install_packages "${debian_packages[@]}"
into=$cache/$(build_id)
if [ -e "$into" ]; then
  say "built: $into"
else
  build "$into"
  say "built in $((SECONDS - started)) s: $into"
fi
