# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced: what must be there before a cluster is started, each tried rather than guessed, each refused in one line that
# says what to do.

room_limit_mib=2048
tools=(containerd ctr runc iptables conntrack dbus-daemon ip openssl nsenter unshare mount flock losetup)

check_tools() {
  local tool
  for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || fail "$tool is not installed; run 'make dev-build', which brings what a node needs"
  done
  [ -x /usr/lib/cni/bridge ] || fail "/usr/lib/cni/bridge is not installed; run 'make dev-build', which brings what a node needs"
}

check_namespaces() {
  unshare --mount --net --uts --ipc --pid --cgroup --fork true 2>/dev/null ||
    fail 'this process may not make namespaces (CAP_SYS_ADMIN); in a container, start it with --privileged'
}

check_cgroups() {
  local controller
  [ "$(stat --file-system --format %T /sys/fs/cgroup)" != cgroup2fs ] ||
    fail 'this machine has cgroup v2, a node here is frozen by v1: use kind, or boot with systemd.unified_cgroup_hierarchy=0'
  for controller in cpu cpuset memory devices pids freezer; do
    [ -e "/sys/fs/cgroup/$controller/tasks" ] ||
      fail "no cgroup v1 hierarchy for '$controller' in /sys/fs/cgroup; mount it there (mount -t cgroup -o $controller cgroup FOLDER), or use kind"
  done
}

check_network() {
  unshare --net ip link add probe type veth peer name other 2>/dev/null ||
    fail 'no veth interface could be made; the kernel needs CONFIG_VETH and this process CAP_NET_ADMIN'
  unshare --net ip link add probe type bridge 2>/dev/null || fail 'no bridge could be made; the kernel needs CONFIG_BRIDGE'
  unshare --net iptables -w -t nat -A POSTROUTING -m comment --comment probe -j MASQUERADE 2>/dev/null ||
    fail 'iptables makes no nat rules here; kube-proxy needs CONFIG_NF_NAT and the comment match'
}

# On the file system where the nodes' containers will lie: overlay refuses some as its upper layer.
check_overlay() {
  local probe
  probe=$(mktemp -d "$base/probe.XXXXXX")
  mkdir "$probe"/{lower,upper,work,merged}
  if ! unshare --mount --propagation private mount -t overlay overlay \
    -o "lowerdir=$probe/lower,upperdir=$probe/upper,workdir=$probe/work" "$probe/merged" 2>/dev/null; then
    rm -rf "$probe"
    fail "no overlay could be mounted on $base; the kernel needs CONFIG_OVERLAY_FS, and the folder a file system that is no overlay itself (HOLDFAST_DEV_ENV names another)"
  fi
  rm -rf "$probe"
}

check_room() {
  local free
  free=$(($(df --output=avail -k "$base" | tail -n 1) / 1024))
  [ "$free" -ge "$room_limit_mib" ] ||
    fail "$base has $free MiB free; a cluster needs $room_limit_mib (HOLDFAST_DEV_ENV names another folder)"
}

# What kubelets, containerds and the API server open; the fourth cluster at once meets Debian's limit, and its nodes never
# become Ready. Tried by inotify_init1, since nobody tells how many are left.
check_inotify() { # NODES
  local need=$((8 * ($1 + 1))) number=294
  [ "$(uname -m)" != aarch64 ] || number=26
  perl -e 'for (1 .. $ARGV[1]) { exit 1 if syscall($ARGV[0] + 0, 0) < 0 }' "$number" "$need" ||
    fail "of $(cat /proc/sys/fs/inotify/max_user_instances) inotify instances fewer than $need are left for $1 nodes; run 'sysctl -w fs.inotify.max_user_instances=1024' or end another cluster"
}

# After whatever this state folder recorded has been ended, anything with the cluster's names belongs to somebody else.
check_clashes() {
  local root route
  [ -z "$(interface_index "$link")" ] ||
    fail "interface $link exists and is not of $state: choose another CLUSTER, or run dev-down with the HOLDFAST_DEV_ENV that made it"
  for root in $(cgroup_roots); do
    [ ! -e "$root/$cgroup" ] ||
      fail "cgroup $root/$cgroup exists and is not of $state: choose another CLUSTER, or run dev-down with the HOLDFAST_DEV_ENV that made it"
  done
  route=$(ip -4 route show table all root "$net.0.0/16" 2>/dev/null | sed -n 1p)
  [ -z "$route" ] || fail "the addresses $net.0.0/16 that follow from the name $cluster are in use (route '${route%% }'); choose another CLUSTER"
}

preflight() {
  need_root 'a cluster'
  case $base in
    /run/* | /var/run/* | /var/lib/* | /var/log/* | /sys/* | /proc/* | /dev/*)
      fail "HOLDFAST_DEV_ENV=$base: a node has its own /run, /var/lib and /var/log; choose a folder elsewhere" ;;
  esac
  check_tools
  check_namespaces
  check_cgroups
  check_network
  mkdir -p "$base"
  check_room
  check_overlay
}
