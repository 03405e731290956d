#!/bin/bash
# Makes a node image for kind where none can be pulled: a Debian by debootstrap, the files of kind's own base image, Debian's
# containerd, and the Kubernetes that dev-env built, whose control plane lies unpacked in it. Needs root and the build of
# dev-env (make dev-build). A pod reaches its node, the control plane and its services, but no pod of another node.
# Made once per what it is made of, into the cache of dev-env; the last line says where it is. For docker:
#   docker import --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' --change 'ENV container=docker' FILE TAG
. "$(dirname "$0")/../lib/common.sh"
. "$dev_env/lib/cache.sh"
kind_folder=$dev_env/kind
debian_packages=bash,ca-certificates,conntrack,containerd,containernetworking-plugins,e2fsprogs,ethtool,iproute2,iptables,jq,kmod,libseccomp2,mount,nftables,procps,runc,socat,systemd,util-linux

build_kubeadm() { # INTO
  local name=k8s.io/component-base/version
  grep -qE "k8s.io/kubernetes v${KUBERNETES_VERSION//./\\.}( |\$)" "$kind_folder/kubeadm/go.mod" ||
    fail "dev-env/kind/kubeadm/go.mod is not of Kubernetes $KUBERNETES_VERSION: run 'go get k8s.io/kubernetes@v$KUBERNETES_VERSION' there"
  say 'kubeadm'
  (cd "$kind_folder/kubeadm" && GOBIN=$1 CGO_ENABLED=0 GOFLAGS='-trimpath -buildvcs=false' go install -ldflags "-s -w \
    -X $name.gitVersion=v$KUBERNETES_VERSION -X $name.gitMajor=1 -X $name.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")" tool)
}

# What kind's Dockerfile for its base image does with its files, on Debian's packages.
add_base() { # TREE
  local tree=$1 files program
  files=$(cd "$kind_folder" && go mod download sigs.k8s.io/kind && go list -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files
  mkdir -p "$tree"/kind/manifests "$tree"/etc/kubernetes/manifests "$tree"/opt/cni
  cp -r --no-preserve=mode "$files"/{etc,kind,usr} "$tree/"
  chmod 755 "$tree"/usr/local/bin/* "$tree"/kind/bin/*
  for program in containerd containerd-shim-runc-v2 ctr; do ln -s "/usr/bin/$program" "$tree/usr/local/bin/$program"; done
  ln -s /usr/lib/cni "$tree/opt/cni/bin"
  ln -s /usr/lib/systemd/systemd "$tree/sbin/init"
  rm -f "$tree"/lib/systemd/system/{multi-user,local-fs,basic}.target.wants/* "$tree"/etc/systemd/system/*.wants/* \
    "$tree"/lib/systemd/system/sockets.target.wants/*{udev,initctl}* \
    "$tree"/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
  printf 'ReadKMsg=no\n' >>"$tree/etc/systemd/journald.conf"
  chroot "$tree" systemctl --quiet enable containerd kubelet undo-mount-hacks
  chroot "$tree" systemctl --quiet mask systemd-binfmt
  # Where nodes may not have CAP_SYS_RESOURCE, no process can be made less likely to be ended than containerd is.
  sed -i -e "s|^\( *sandbox_image = \).*|\1\"$(pause_image)\"|" -e 's|restrict_oom_score_adj = false|restrict_oom_score_adj = true|' \
    "$tree/etc/containerd/config.toml"
  cat >>"$tree/etc/containerd/config.toml" <<'END'
[plugins."io.containerd.grpc.v1.cri".cni]
  conf_template = "/etc/cni/node.conflist"
END
  mkdir -p "$tree/etc/cni/net.d"
  cp "$kind_folder/node/pods.conflist" "$tree/etc/cni/node.conflist"
  cp "$kind_folder"/node/default-{cni,storage}.yaml "$tree/kind/manifests/"
}

add_kubernetes() { # TREE PROGRAMS
  install -m 755 "$2"/{kubeadm,kubectl,kubelet} "$1/usr/bin/"
  printf 'v%s' "$KUBERNETES_VERSION" >"$1/kind/version"
}

images() { "$work/bin/kubeadm" config images list --kubernetes-version "v$KUBERNETES_VERSION" 2>/dev/null; }
pause_image() { images | grep /pause:; }

# A folder for each image that kubeadm wants, with the program where its manifests look for it.
pack_images() { # TREE INTO
  local image name folder
  for image in $(images); do
    name=${image##*/} name=${name%%:*}
    folder=$work/images/$name
    mkdir -p "$folder/tmp" "$folder/usr/local/bin"
    cp "$work/bin/$name" "$folder/usr/local/bin/"
    if [ "$name" = kube-proxy ]; then add_iptables "$1" "$folder"; fi
    "$dev_env/image.sh" "$image" "$folder" "$2/$name.tar" "/usr/local/bin/$name"
  done
}
# Proxies write rules by programs, and those load libraries.
add_iptables() { # TREE FOLDER
  local tree=$1 folder=$2 file
  mkdir -p "$folder"/run "$folder"/usr/{bin,lib,lib64,sbin}
  for file in bin lib lib64 sbin; do ln -s "usr/$file" "$folder/$file"; done
  (cd "$tree" && cp -a --parents usr/sbin/*tables* usr/sbin/conntrack etc/alternatives usr/lib/*-linux-gnu/xtables \
    usr/bin/dash usr/bin/sh usr/bin/kmod usr/sbin/modprobe "$folder/")
  (cd "$folder" && printf '/%s\n' usr/sbin/xtables-*-multi usr/sbin/conntrack usr/bin/kmod usr/lib/*-linux-gnu/xtables/*.so) |
    xargs chroot "$tree" ldd | awk '$2 == "=>" { print "." $3 } $1 ~ /^\// && $2 ~ /^\(/ { print "." $1 }' | sort -u |
    (cd "$tree" && xargs cp --dereference --parents --target-directory "$folder")
}

# By a containerd of the tree's own, in namespaces that end with it.
unpack_images() { # TREE IMAGES
  mkdir "$1/images"
  # shellcheck disable=SC2016 # the inner shells expand
  unshare --mount --pid --fork --kill-child=KILL --propagation private sh -euc '
    mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; mount --rbind /sys "$1/sys"; mount -t tmpfs tmpfs "$1/run"
    mount --bind "$2" "$1/images"
    chroot "$1" sh -euc "
      ctr oci spec | jq \"del(.process.rlimits)\" >/etc/containerd/cri-base.json
      containerd >/run/log 2>&1 &
      timeout 60 sh -c \"until ctr version >/dev/null 2>&1; do sleep 0.2; done\" || { tail -n 3 /run/log >&2; exit 1; }
      for image in /images/*.tar; do ctr -n k8s.io images import \$image >/dev/null; done"' sh "$1" "$2" ||
    fail 'the control plane was not unpacked'
  rmdir "$1/images"
}

need_root 'a node image'
built=$cache/$(build_id)
[ -e "$built" ] || fail "nothing is built for these versions; run 'make dev-build'"
made=$cache/kind-node-$({ printf '%s' "$built"; cat "$0" "$kind_folder"/node/* "$kind_folder"/{,kubeadm/}go.sum; } | sha256sum | cut -c1-16)
if [ -e "$made" ]; then
  mark_used "$made"
  say "made: $made/node.tar"
  exit
fi
command -v debootstrap >/dev/null || fail 'debootstrap is not installed: apt-get install debootstrap'
command -v go >/dev/null || fail 'there is no Go to build kubeadm with'
# shellcheck disable=SC2016 # apt expands
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
work=$(mktemp -d "$cache/kind-node.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{bin,images,made,packed}
ln "$built"/bin/* "$work/bin/" 2>/dev/null || cp "$built"/bin/* "$work/bin/"
build_kubeadm "$work/bin"
say 'Debian bookworm by debootstrap'
debootstrap --variant=minbase "--include=$debian_packages" bookworm "$work/tree" "$mirror" >"$work/log" 2>&1 ||
  fail "debootstrap: $(tail -n 1 "$work/log")"
rm -rf "$work"/tree/var/cache/apt/archives/*
add_base "$work/tree"
add_kubernetes "$work/tree" "$work/bin"
pack_images "$work/tree" "$work/packed"
unpack_images "$work/tree" "$work/packed"
tar -C "$work/tree" --exclude='./proc/*' --exclude='./dev/*' --exclude='./sys/*' -cf "$work/made/node.tar" .
mark_used "$work/made"
mv "$work/made" "$made"
say "made: $made/node.tar"
