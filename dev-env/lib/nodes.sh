# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced: a node's life as seen from the machine. Its disks are $state/nodes/NAME, its processes the cgroup of its name,
# its cable the interface of its name in the cluster's network namespace.

in_cluster_net() { nsenter --target "$(live_pid "$state/made/init")" --net -- "$@"; }
node_home() { printf '%s/nodes/%s' "$state" "$(node_name "$1")"; }
node_pid() { live_pid "$(node_home "$1")/init"; }

# node_power NUMBER: off, frozen, cut or on.
node_power() {
  local name
  name=$(node_name "$1")
  if ! node_pid "$1" >/dev/null; then
    printf 'off\n'
  elif [ "$(cat "/sys/fs/cgroup/freezer/$cgroup/$name/freezer.state")" != THAWED ]; then
    printf 'frozen\n'
  elif ! in_cluster_net ip -o link show dev "$name" up 2>/dev/null | grep -q .; then
    printf 'cut\n'
  else
    printf 'on\n'
  fi
}

# plug NUMBER: a cable from the node to the bridge, and routes to the other nodes' pods.
plug() {
  local name pid other
  name=$(node_name "$1")
  pid=$(node_pid "$1")
  in_cluster_net ip link del "$name" 2>/dev/null || true
  in_cluster_net ip -batch - <<END
link add $name type veth peer name eth0 address $(card "$(node_ip "$1")") netns $pid
link set $name master bridge up
route replace $(pod_net "$1") via $(node_ip "$1")
END
  {
    printf 'link set lo up\naddr add %s/24 dev eth0\nlink set eth0 up\nroute add default via %s\n' "$(node_ip "$1")" "$api_ip"
    for other in $(seq "$(cat "$state/count")"); do
      [ "$other" = "$1" ] || printf 'route add %s via %s\n' "$(pod_net "$other")" "$(node_ip "$other")"
    done
  } | nsenter --target "$pid" --net -- ip -batch -
  touch "$(node_home "$1")/network-ready"
}

start_node() { # NUMBER BUILD
  local name home init
  name=$(node_name "$1") home=$(node_home "$1") init=$(live_pid "$state/made/init")
  [ "$(node_power "$1")" = off ] || { say "$name is $(node_power "$1") already"; return 0; }
  if [ ! -e "$home/complete" ]; then
    rm -rf "$home"
    mkdir -p "$home"/{kubelet,loaded,log/pods,log/containers}
    give_store "$2" "$home/containerd"
    make_node_pki "$name" "$(node_ip "$1")"
    touch "$home/complete"
  fi
  rm -f "$home/init" "$home/network-ready"
  make_cgroups "$name"
  (
    exec {lock_fd}>&-
    join_cgroups "$name"
    exec setsid nsenter --target "$init" --mount --net --pid -- unshare --mount --net --uts --ipc --pid --cgroup --fork \
      --kill-child=KILL "$dev_env/lib/node-init.sh" "$1" "$2/bin"
  ) >"$home/log/init.log" 2>&1 </dev/null &
  wait_until 10 test -e "$home/init" || fail "$name did not start: $(tail -n 1 "$home/log/init.log")"
  plug "$1"
}

kill_node() { # NUMBER
  local name
  name=$(node_name "$1")
  end_cgroups "$name" || fail "$name has processes that do not end: $(cgroup_processes "$name" | tr '\n' ' ')"
  in_cluster_net ip link del "$name" 2>/dev/null || true
}

freeze_node() { # NUMBER STATE
  local file
  file=/sys/fs/cgroup/freezer/$cgroup/$(node_name "$1")/freezer.state
  printf '%s\n' "$2" >"$file"
  wait_until 10 grep -q "$2" "$file" || fail "$(node_name "$1") is still $(cat "$file") after 10 s"
}

# As a process of the node in every respect: it is frozen and killed with it.
exec_in_node() { # NUMBER COMMAND…
  local pid
  pid=$(node_pid "$1") || fail "$(node_name "$1") is off"
  join_cgroups "$(node_name "$1")"
  [ -z "${lock_fd:-}" ] || exec {lock_fd}>&-
  exec nsenter --target "$pid" --mount --uts --ipc --net --pid --cgroup -- "${@:2}"
}
