#!/bin/bash
# The first process of one node, in its own namespaces: gives it a private /run, /var/lib, cgroup tree and boot id, and runs
# the system bus with logind's stand-in, containerd, kubelet and kube-proxy. Started by node.sh; ends when it is killed.
. "$(dirname "$0")/common.sh"
trap 'printf "node-init stopped at line %s: %s\n" "$LINENO" "$BASH_COMMAND" >&2' ERR
number=$1 bin=$2
name=$(node_name "$number")
home=$state/nodes/$name
# The machine's cgroup line names the hierarchies; /proc becomes the node's own only below.
process_identity self >"$home/init.part"
mv "$home/init.part" "$home/init"

mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /sys/fs/cgroup
while IFS=: read -r _ controllers _; do
  [ -n "$controllers" ] || continue
  mkdir "/sys/fs/cgroup/${controllers#name=}"
  mount -t cgroup -o "$([ "${controllers#name=}" = "$controllers" ] || printf none,)$controllers" cgroup \
    "/sys/fs/cgroup/${controllers#name=}"
  for alias in ${controllers//,/ }; do
    [ -e "/sys/fs/cgroup/${alias#name=}" ] || ln -s "$controllers" "/sys/fs/cgroup/$alias"
  done
done </proc/self/cgroup

mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/dbus /run/cni
cat /proc/sys/kernel/random/uuid >/run/boot_id
mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
# The machine's own folders are only mount points here; what is missing is made on a tmpfs, so that the machine gains none.
mkdir -p /run/lib/{kubelet,containerd,cni,dbus} /run/log/{pods,containers}
mount --rbind /run/lib /var/lib
mount --rbind /run/log /var/log
mount --bind "$home/kubelet" /var/lib/kubelet
mount --bind "$home/containerd" /var/lib/containerd
mount --bind "$home/log/pods" /var/log/pods
mount --bind "$home/log/containers" /var/log/containers
mount --make-rshared /
hostname "$name"

for file in containerd.toml dbus.conf kubelet.yaml pods.conflist; do
  sed -e "s|@STATE@|$state|g" -e "s|@DNS@|$dns_ip|g" -e "s|@PODS@|$(pod_net "$number")|g" "$dev_env/lib/node/$file" >"/run/$file"
done
mv /run/pods.conflist /run/cni/

"$dev_env/lib/node-daemon.sh" containerd "$number" "$bin" </dev/null &
dbus-daemon --config-file=/run/dbus.conf --nofork --nopidfile >"$home/log/dbus.log" 2>&1 </dev/null &
wait_until 10 test -S /run/dbus/system_bus_socket
"$bin/logind" serve /run/logind-ready >"$home/log/logind.log" 2>&1 </dev/null &
containerd_ready() { [ -S /run/containerd/containerd.sock ] && ctr version >/dev/null 2>&1; }
wait_until 30 containerd_ready
for image in "$state"/images/*.tar; do
  [ -e "$image" ] || continue
  [ "$home/loaded/${image##*/}" -nt "$image" ] && continue
  ctr -n k8s.io images import "$image" >/dev/null
  touch "$home/loaded/${image##*/}"
done
wait_until 120 test -e "$state/api-ready"
wait_until 10 test -e "$home/network-ready"
wait_until 10 test -e /run/logind-ready
"$bin/kube-proxy" --kubeconfig="$state/pki/proxy.conf" --hostname-override="$name" --cluster-cidr="$net.128.0/17" \
  --proxy-mode=iptables --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 \
  --conntrack-tcp-timeout-close-wait=0 >"$home/log/kube-proxy.log" 2>&1 </dev/null &
"$dev_env/lib/node-daemon.sh" kubelet "$number" "$bin" </dev/null &
exec "$bin/pause"
