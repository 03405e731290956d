#!/bin/bash
# Tries dev-env on this machine as root, with clusters of its own: what it refuses and how, clusters side by side, what can
# happen to a node, what a crash leaves, that nothing foreign is touched and nothing is left. Prints figures beside their
# bars; the last line counts.
. "$(dirname "$0")/lib/common.sh"
need_root 'the test'
passed=0 failed=0
work=$(mktemp -d)
a=testa b=testb
in_a() { CLUSTER=$a "$dev_env/cluster.sh" "$@"; }
in_b() { CLUSTER=$b "$dev_env/cluster.sh" "$@"; }
home_of() { printf '%s/%s/cluster' "$base" "$1"; }
k() { "$built/bin/kubectl" --kubeconfig "$(home_of "$1")/pki/admin.conf" --request-timeout 10s "${@:2}"; }
milliseconds() { printf '%s' $((${EPOCHREALTIME/./} / 1000)); }
built=$cache/$(build_id)

clean() {
  in_a down >/dev/null 2>&1 || true
  in_b down >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT

# holds SENTENCE COMMAND…
holds() {
  if "${@:2}" >"$work/output" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$1"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$1"
    sed 's/^/        /' "$work/output" | tail -n 20
  fi
}
# within SENTENCE BAR-MS COMMAND…
within() {
  local start took
  start=$(milliseconds)
  holds "$1" "${@:3}"
  took=$(($(milliseconds) - start))
  holds "$1: $took ms (bar $2 ms)" test "$took" -le "$2"
}
# refuses SENTENCE TEXT COMMAND…: one line that holds TEXT, and a failure.
refuses() { holds "$1" refused "${@:2}"; }
refused() {
  local output status=0
  output=$("${@:2}" 2>&1) || status=$?
  printf '%s\n' "$output"
  [ "$status" = 1 ] && [ "$(wc -l <<<"$output")" = 1 ] && [[ $output == *"$1"* ]]
}

# What a cluster could leave on the machine. Other people's processes come and go, hence only the kinds that are ours.
traces() {
  ps -eo stat=,pid=,comm= | awk '$1 !~ /^Z/ && $3 ~ /^(etcd|kube|containerd|dbus-daemon|logind|pause|runc|coredns|unshare|nsenter)/ { print $2, $3 }'
  awk '{ print "mount", $5 }' /proc/self/mountinfo
  ip -o link | awk '{ print "link", $2 }'
  ip -4 route | sed 's/^/route /'
  find /sys/fs/cgroup -type d -name 'holdfast-*' -o -type d -name 'kubepods*'
  (cd /sys/block && echo loop*)
  losetup --all
  iptables-save 2>/dev/null | grep '^[-:*]' | sed 's/ \[.*//' || true
  cat /proc/sys/net/ipv4/ip_forward
  ls -d /dev/holdfast "$base" /run/lock/holdfast-dev-env-* /run/netns/* /var/lib/kubelet /var/lib/containerd /etc/cni 2>/dev/null || true
}
no_trace() { traces >"$work/after"; diff "$work/before" "$work/after"; }

without_tool() { # TOOL COMMAND…: a PATH that has everything but that.
  local folder=$work/path-$1
  mkdir "$folder"
  cp -sn /usr/local/sbin/* /usr/sbin/* /usr/bin/* "$folder/" 2>/dev/null || true
  rm -f "${folder:?}/$1"
  PATH=$folder "${@:2}"
}
without_capability() { setpriv --bounding-set="-$1" "${@:2}"; }
in_mounts() { unshare --mount --propagation private bash -ec "$@"; }
in_net() { unshare --net bash -ec "$@"; }

test_refusals() {
  local tool up=$dev_env/cluster.sh net_of_a
  export CLUSTER=$a
  refuses 'a name that is too long for an interface is refused' 'up to seven' env CLUSTER=much-too-long "$up" up
  for tool in containerd runc iptables conntrack dbus-daemon ip openssl nsenter losetup; do
    refuses "without $tool, up names it and the remedy" "$tool is not installed; run 'make dev-build'" without_tool "$tool" "$up" up
  done
  refuses 'without root, up says so' 'needs root' setpriv --reuid=65534 --regid=65534 --clear-groups bash "$up" up
  refuses 'without CAP_SYS_ADMIN, up says so' CAP_SYS_ADMIN without_capability sys_admin "$up" up
  refuses 'without CAP_NET_ADMIN or veth, up says so' CONFIG_VETH without_capability net_admin "$up" up
  mkdir "$work/shim"
  ln -s /bin/false "$work/shim/iptables"
  refuses 'without nat rules, up says so' CONFIG_NF_NAT env "PATH=$work/shim:$PATH" "$up" up
  # shellcheck disable=SC2016 # the inner shell expands
  {
    refuses 'without the cgroup v1 freezer, up says so' "hierarchy for 'freezer'" \
      in_mounts 'mount -t tmpfs tmpfs /sys/fs/cgroup/freezer; exec "$0" up' "$up"
    refuses 'on a file system that overlay refuses as its upper layer, up says so' CONFIG_OVERLAY_FS in_mounts '
      mkdir -p "$1/vfat"; mount -t proc proc "$1/vfat"; mkdir "$1/small"; mount -t tmpfs -o size=4g tmpfs "$1/small"
      mkdir "$1"/small/{l,u,w,m}; mount -t overlay overlay -o "lowerdir=$1/small/l,upperdir=$1/small/u,workdir=$1/small/w" "$1/small/m"
      HOLDFAST_DEV_ENV=$1/small/m exec "$0" up' "$up" "$work"
    refuses 'without room, up says how much is missing' 'MiB free; a cluster needs' in_mounts '
      mkdir "$1/full"; mount -t tmpfs -o size=16m tmpfs "$1/full"; HOLDFAST_DEV_ENV=$1/full exec "$0" up' "$up" "$work"
    refuses 'without loop devices, disks says so' CONFIG_BLK_DEV_LOOP in_mounts '
      mkdir "$1/dev"; mount -t tmpfs tmpfs "$1/dev"; mknod -m 666 "$1/dev/null" c 1 3; mount --move "$1/dev" /dev
      HOLDFAST_DEV_ENV=$1/disks exec "$0" create' "$dev_env/disks.sh" "$work"
    refuses 'an interface of the name is left alone and refused' "interface hf-$a exists" \
      in_net 'ip link add "hf-$1" type bridge; "$0" up || { code=$?; ip link show "hf-$1" >/dev/null && exit $code; }' "$up" "$a"
    net_of_a=$(CLUSTER=$a bash -c '. "$0/lib/common.sh"; echo "$net"' "$dev_env")
    refuses 'addresses in use are refused with the route' "'$net_of_a.3.0/24" \
      in_net 'ip link add x type bridge; ip addr add "$1.3.1/24" dev x; ip link set x up; exec "$0" up' "$up" "$net_of_a"
  }
  mkdir "/sys/fs/cgroup/pids/holdfast-$a"
  refuses 'a cgroup of the name is refused' "holdfast-$a exists" "$up" up
  holds 'and left alone' rmdir "/sys/fs/cgroup/pids/holdfast-$a"
  refuses 'a state folder that a node would hide is refused' 'choose a folder elsewhere' env HOLDFAST_DEV_ENV=/var/lib/x "$up" up
  refuses 'without a build, up names the command' 'make dev-build' env "HOLDFAST_CACHE=$work/empty" "$up" up
  refuses 'a node verb without a cluster names the command' 'make dev-up' "$up" node kill 1
  cp -r "$dev_env" "$work/other"
  sed -i 's/^ETCD_VERSION=.*/ETCD_VERSION=9.9.9/' "$work/other/versions.env"
  refuses 'versions that disagree with a lock are refused' 'go get' "$work/other/build.sh"
  unset CLUSTER
  rmdir "$base" 2>/dev/null || true
  holds 'no refusal left anything' no_trace
}

pod() { # CLUSTER NAME NODE: a pod that ends within a second of being told
  k "$1" apply -f - <<END
apiVersion: v1
kind: Pod
metadata: { name: $2 }
spec:
  nodeName: $3
  containers: [{ name: main, image: 'holdfast.test/busybox:1', imagePullPolicy: Never, command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.2; done'] }]
END
}
ready_pod() { pod "$@" && k "$1" wait --for=condition=Ready "pod/$2" --timeout=20s; }
account_ready() { k "$1" get serviceaccount default >/dev/null 2>&1; }
node_is() { [ "$(k "$1" get node "$1-$2" --no-headers | awk '{ print $2 }')" = "$3" ]; }
seen() { # SENTENCE CLUSTER NUMBER STATUS SECONDS: since the last of the acts before
  holds "$1" wait_until "$5" node_is "$2" "$3" "$4"
  printf '        after %s ms\n' $(($(milliseconds) - acted))
}
boot_of() { in_a node exec "$1" cat /proc/sys/kernel/random/boot_id; }

test_two_clusters() {
  local n
  within 'three nodes are up' 30000 in_a up 3
  within 'up again is nothing' 3000 in_a up 3
  refuses 'another number of nodes is refused' 'run dev-down first' in_a up 2
  holds 'the default service account is there' wait_until 20 account_ready $a
  for n in 1 2 3; do within "a pod on node $n is Ready" 2000 ready_pod $a "probe$n" "$a-$n"; done
  within 'a second cluster of two nodes is up beside it' 30000 in_b up 2
  holds 'its default service account is there' wait_until 20 account_ready $b
  holds 'a pod is Ready there' ready_pod $b probe1 "$b-1"
  holds 'a pod resolves a service by name' k $a exec probe1 -- nslookup kubernetes.default.svc.cluster.local
  holds 'a pod reaches a pod of another node' k $a exec probe1 -- ping -c 1 -W 2 "$(k $a get pod probe2 -o 'jsonpath={.status.podIP}')"
  holds 'the machine reaches a pod' busybox ping -q -c 1 -W 2 "$(k $a get pod probe3 -o 'jsonpath={.status.podIP}')"
  holds 'status shows three nodes that are on and Ready' bash -c "[ \$(CLUSTER=$a '$dev_env/cluster.sh' status | grep -cE 'on +Ready') = 3 ]"
  mkdir -p "$work/image"
  cp /bin/busybox "$work/image/true"
  "$dev_env/image.sh" holdfast.test/mine:1 "$work/image" "$work/mine.tar" /true
  holds 'an image is given to all nodes' in_a load "$work/mine.tar"
  for n in 1 2 3; do holds "node $n has it" bash -c "CLUSTER=$a '$dev_env/cluster.sh' node exec $n ctr -n k8s.io images ls -q | grep -x holdfast.test/mine:1"; done
}

test_disks() {
  local disk=/dev/holdfast/$a/disk0
  holds 'a disk has direct I/O on' test "$(cat "/sys/block/$(basename "$(readlink "$disk")")/loop/dio")" = 1
  holds 'what node 1 writes to a disk, node 2 reads' bash -ec "
    CLUSTER=$a '$dev_env/cluster.sh' node exec 1 sh -c 'echo from-one | dd of=$disk conv=fsync status=none'
    CLUSTER=$a '$dev_env/cluster.sh' node exec 2 head -c 8 $disk | grep -x from-one"
  holds 'disks of two clusters differ' test "$(readlink $disk)" != "$(readlink /dev/holdfast/$b/disk0)"
  holds 'list shows both' bash -c "[ \$(CLUSTER=$a '$dev_env/disks.sh' list | grep -c '/dev/loop') = 2 ]"
}

pod_ended() { k $a get pod "$1" -o 'jsonpath={.status}' | tee /dev/stderr | grep -q '"phase":"Succeeded"'; }
said_goodbye() { k $a get node "$a-$1" -o 'jsonpath={.status.conditions}' | tee /dev/stderr | grep -qi 'node is shutting down'; }

test_faults() {
  local boot
  boot=$(boot_of 1)
  holds 'two nodes have two boot ids' test "$boot" != "$(boot_of 2)"
  within 'node 1 is powered off at once' 2000 in_a node kill 1
  holds 'node 2 is paused' in_a node freeze 2
  holds 'node 3 is unplugged' in_a node cut 3
  refuses 'a verb for a node that is off says so' 'is off; start it first' in_a node freeze 1
  acted=$(milliseconds)
  seen 'a killed node is seen as NotReady' $a 1 NotReady 40
  seen 'a frozen node is seen as NotReady' $a 2 NotReady 40
  seen 'an unplugged node is seen as NotReady' $a 3 NotReady 40
  holds 'status tells the three apart' bash -c "CLUSTER=$a '$dev_env/cluster.sh' status | awk '/$a-[123] /{ print \$2 }' | xargs | grep -x 'off frozen cut'"
  holds 'the other cluster notices nothing' node_is $b 1 Ready
  holds 'node 1 is started' in_a node start 1
  holds 'node 2 goes on' in_a node thaw 2
  holds 'node 3 is plugged in' in_a node mend 3
  acted=$(milliseconds)
  seen 'a started node is seen as Ready' $a 1 Ready 30
  seen 'a thawed node is seen as Ready' $a 2 Ready 30
  seen 'a mended node is seen as Ready' $a 3 Ready 30
  holds 'a start is a boot of its own' test "$boot" != "$(boot_of 1)"
  holds 'a paused node is powered off' in_a node freeze 1
  holds 'without being let go on' in_a node kill 1
  within 'a graceful shutdown of node 3' 15000 in_a node shutdown 3
  holds 'has ended its pod, which left with 0' pod_ended probe3
  holds 'and the node said that it goes' said_goodbye 3
}

bridge_ready() { [ -e "$(home_of $b)/bridge-ready" ]; }
test_crashes() {
  local up other
  holds 'the second cluster goes' in_b down
  CLUSTER=$b "$dev_env/cluster.sh" up 1 >/dev/null 2>&1 &
  up=$!
  holds 'a cluster is coming up' wait_until 20 bridge_ready
  kill -KILL $up
  wait $up 2>/dev/null || true
  within 'after a crash in the middle of up, up starts over' 30000 in_b up 1
  kill -KILL "$(live_pid "$(home_of $b)/made/init")"
  holds 'after a crash of the cluster, up starts it again' in_b up 1
  exec {hold}<"$(readlink "/dev/holdfast/$b/disk0")"
  refuses 'a disk that is open is not torn away' 'is still open' in_b down
  exec {hold}<&-
  holds 'and goes once it is closed' in_b down

  setsid sleep 600 &
  other=$!
  mkdir -p "$(home_of $b)/made"
  cp /proc/sys/kernel/random/boot_id "$(home_of $b)/made/boot"
  printf '%s 1\n' "$other" >"$(home_of $b)/made/init"
  printf '999999 /sys/fs/cgroup/pids\n' >"$(home_of $b)/made/cgroups"
  ip link add "hf-$b" type bridge
  printf '999999\n' >"$(home_of $b)/made/link"
  truncate -s 1M "$work/foreign"
  mkdir -p "$base/$b/disks"
  truncate -s 1M "$base/$b/disks/disk0.img"
  foreign=$(losetup --find --show "$work/foreign")
  printf '%s had\n' "$foreign" >"$base/$b/disks/disk0.made"
  holds 'down with records that name what is not ours' in_b down
  holds 'leaves the process of a recycled pid' kill -0 $other
  holds 'leaves the interface of another index' ip link del "hf-$b"
  holds 'leaves the loop device of another file' losetup --detach "$foreign"
  kill $other
  wait $other 2>/dev/null || true
}

traces >"$work/before"
holds 'the scripts are clean for shellcheck' bash -c "cd '$dev_env' && shellcheck -x ./*.sh lib/*.sh"
within 'a build with nothing to do' 2000 "$dev_env/build.sh"
test_refusals
test_two_clusters
test_disks
test_faults
test_crashes
holds 'a node is paused again' in_a node freeze 2
within 'three nodes, one paused, are down' 5000 in_a down
holds 'no process, mount, link, route, cgroup, loop device, rule or folder is left' no_trace
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
