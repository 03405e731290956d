#!/bin/bash
# A Kubernetes cluster on this machine, without Docker; README.md says how it is made.
#   cluster.sh up [NODES]        starts it (3 nodes, 2 disks), or says that it is up; ends a half-started one first
#   cluster.sh down              ends it and removes every trace
#   cluster.sh status            its processes, nodes and disks
#   cluster.sh env               what to `eval` so that kubectl and helm speak to it
#   cluster.sh load IMAGE.tar…   gives images to every node
#   cluster.sh node start|kill|shutdown|freeze|thaw|cut|mend NUMBER
#   cluster.sh node restart-kubelet|restart-containerd NUMBER   as after a crash of it; pods run on
#   cluster.sh node exec NUMBER COMMAND…
# CLUSTER=name (default dev) tells clusters apart; DISKS and DISK_SIZE are the loopback disks that `up` makes.
. "$(dirname "$0")/lib/common.sh"
. "$dev_env/lib/cache.sh"
. "$dev_env/lib/cgroups.sh"
. "$dev_env/lib/pki.sh"
. "$dev_env/lib/preflight.sh"
. "$dev_env/lib/store.sh"
. "$dev_env/lib/nodes.sh"

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
kubectl() { "$(cat "$state/build")/bin/kubectl" --kubeconfig "$state/pki/admin.conf" "$@"; }

# Whatever the records name and is still what was recorded is ended; after a reboot nothing is.
teardown() {
  local index pid
  if [ "$(cat "$state/made/boot" 2>/dev/null)" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then
    read -r index 2>/dev/null <"$state/made/link" || index=none
    [ "$(interface_index "$link")" != "$index" ] || ip link del "$link"
    if pid=$(live_pid "$state/made/init"); then kill -KILL "$pid"; fi
    # The first process is the last to go: it waits for the machine's init to reap what nsenter brought in.
    if ! end_cgroups || ! wait_until 10 gone "$state/made/init"; then
      fail "processes of $cluster do not end: $(cgroup_processes | tr '\n' ' ')"
    fi
  fi
  ! grep -qF " $state/" /proc/self/mountinfo || fail "something is mounted below $state; unmount it, then run dev-down again"
  rm -rf --one-file-system "$state"
}

start_control_plane() { # BUILD
  (
    exec {lock_fd}>&-
    join_cgroups control-plane
    exec setsid unshare --mount --propagation private --net --pid --fork --kill-child=KILL "$dev_env/lib/cluster-init.sh" "$1/bin"
  ) >"$state/log/init.log" 2>&1 </dev/null &
  wait_until 10 test -e "$state/bridge-ready" || fail "the cluster did not start: $(tail -n 1 "$state/log/init.log")"
  ip link add "$link" type veth peer name host netns "$(live_pid "$state/made/init")"
  interface_index "$link" >"$state/made/link"
  in_cluster_net ip link set host master bridge up
  ip -batch - <<END
addr add $host_ip/24 dev $link
link set $link up
route add $net.0.0/16 via $api_ip
END
}

# By a process that watches: looking again and again would take the processor from what it waits for. It gives up at the first
# word of an API server that is not whole yet, hence wait_until around it.
await() { kubectl wait --timeout 20s "$@" >/dev/null 2>&1; }
nodes_ready() { # NODES
  local names=()
  mapfile -t names < <(seq "$1" | sed "s/^/node\/$cluster-/")
  await --for create "${names[@]}" && await --for condition=Ready "${names[@]}"
}
dns_ready() { await --namespace kube-system --for condition=Available deployment/coredns; }

make_cluster() { # NODES BUILD
  local number
  mkdir -p "$state"/{made,pki,log,images,nodes}
  cat /proc/sys/kernel/random/boot_id >"$state/made/boot"
  printf '%s\n' "$1" >"$state/count"
  printf '%s\n' "$2" >"$state/build"
  printf 'nameserver %s\n' "$dns_ip" >"$state/resolv.conf"
  make_pki
  make_cgroups control-plane
  start_control_plane "$2"
  for number in $(seq "$1"); do start_node "$number" "$2"; done
  wait_until 120 test -e "$state/api-ready" || fail "the API server is not ready: $(tail -n 1 "$state/log/kube-apiserver.log")"
  sed "s/@DNS@/$dns_ip/" "$dev_env/manifests/coredns.yaml" | kubectl apply -f - >/dev/null
  wait_until 120 nodes_ready "$1" || fail "not all nodes are Ready after 120 s; see $state/nodes/*/log"
  wait_until 120 dns_ready || fail "the cluster's DNS is not ready after 120 s; see $state/nodes/*/log"
  touch "$state/complete"
}

up() { # [NODES]
  local count=${1:-3} built started=$SECONDS
  [[ $count =~ ^[1-9][0-9]?$ && $count -le $node_limit ]] || fail "$count nodes: 1 to $node_limit can be made"
  trap 'rmdir "$base" 2>/dev/null || true' EXIT
  preflight
  built=$cache/$(build_id)
  hold_build "$built" || fail "nothing is built for these versions; run 'make dev-build' (a quarter of an hour the first time)"
  take_lock
  if [ -e "$state/complete" ] && live_pid "$state/made/init" >/dev/null; then
    [ "$(cat "$state/count")" = "$count" ] || fail "$cluster is up with $(cat "$state/count") nodes, not $count; run dev-down first"
    say "$cluster is up already"
  else
    teardown
    check_clashes
    check_inotify "$count"
    fill_store "$built"
    if [ ! -e "$disks/complete" ]; then
      "$dev_env/disks.sh" remove
      [ "${DISKS:-2}" = 0 ] || "$dev_env/disks.sh" create "${DISKS:-2}" "${DISK_SIZE:-4G}"
    fi
    make_cluster "$count" "$built"
    say "$cluster is up with $count nodes after $((SECONDS - started)) s"
  fi
  say "eval \"\$(CLUSTER=$cluster $dev_env/cluster.sh env)\" makes kubectl and helm speak to it"
}

down() {
  local started=$SECONDS
  need_root 'dev-down'
  take_lock
  # A disk that a node still holds is free only once the node's processes are gone.
  teardown
  "$dev_env/disks.sh" remove
  rmdir "$base/$cluster" "$base" 2>/dev/null || true
  say "$cluster is down after $((SECONDS - started)) s"
}

need_cluster() {
  live_pid "$state/made/init" >/dev/null || fail "$cluster is not up; run 'make dev-up' (CLUSTER=$cluster)"
}

status() {
  local pid number
  if ! live_pid "$state/made/init" >/dev/null; then
    say "$cluster is down"
  else
    say "$cluster is $([ -e "$state/complete" ] && echo up || echo half-started), $net.0.0/16, kubeconfig $state/pki/admin.conf"
    for pid in $(cgroup_processes control-plane); do
      printf '  %-24s process %s\n' "$(cat "/proc/$pid/comm" 2>/dev/null)" "$pid"
    done | grep -E 'etcd|kube-' | sort
    for number in $(seq "$(cat "$state/count")"); do
      printf '  %-24s %-8s %s\n' "$(node_name "$number")" "$(node_power "$number")" \
        "$(kubectl --request-timeout 5s get node "$(node_name "$number")" --no-headers 2>/dev/null | awk '{ print $2 }')"
    done
  fi
  "$dev_env/disks.sh" list
}

load() { # IMAGE.tar…
  local image number
  for image in "$@"; do
    [ -r "$image" ] || fail "$image cannot be read"
    cp "$image" "$state/images/.part"
    mv "$state/images/.part" "$state/images/${image##*/}"
    for number in $(seq "$(cat "$state/count")"); do
      case $(node_power "$number") in
        on | cut) ;;
        *) continue ;; # takes it when it starts
      esac
      (exec_in_node "$number" ctr -n k8s.io images import "$state/images/${image##*/}" >/dev/null) ||
        fail "$(node_name "$number") did not take $image"
      touch "$(node_home "$number")/loaded/${image##*/}"
    done
  done
}

none_running() { # NODE-NAME
  local pods
  pods=$(kubectl --request-timeout 5s get pods --all-namespaces --no-headers --field-selector "spec.nodeName=$1,status.phase=Running" 2>/dev/null) &&
    [ -z "$pods" ]
}

node() { # VERB NUMBER [COMMAND…]
  local verb=$1 number=$2 built name
  built=$(cat "$state/build") name=$(node_name "$number")
  [[ $number =~ ^[1-9][0-9]?$ && $number -le $(cat "$state/count") ]] ||
    fail "there is no node '$number'; $cluster has 1 to $(cat "$state/count")"
  case $verb in
    start) start_node "$number" "$built" ;;
    kill) kill_node "$number" ;;
    *)
      node_pid "$number" >/dev/null || fail "$name is off; start it first (DO=start)"
      [[ $verb != shutdown && $verb != restart-* ]] || [ "$(node_power "$number")" != frozen ] ||
        fail "$name is frozen and does nothing; let it go on first (DO=thaw)"
      case $verb in
        shutdown)
          # The kubelet ends the pods while it delays the announced shutdown; power goes off when it delays no more.
          (exec_in_node "$number" "$built/bin/logind" poweroff) || fail "$name did not end its pods; it is still on"
          # The kubelet lets go before its last status has left it; a machine takes seconds more to go down, this one would not.
          wait_until 5 none_running "$name" || say "the API server was not told of the end of all pods of $name"
          kill_node "$number"
          ;;
        restart-kubelet | restart-containerd)
          (exec_in_node "$number" setsid "$dev_env/lib/node-daemon.sh" "${verb#restart-}" "$number" "$built/bin" again)
          ;;
        freeze) freeze_node "$number" FROZEN ;;
        thaw) freeze_node "$number" THAWED ;;
        cut) in_cluster_net ip link set "$name" down ;;
        mend) in_cluster_net ip link set "$name" up ;;
        *) usage ;;
      esac
      ;;
  esac
}

[ $# -ge 1 ] || usage
verb=$1
shift
case $verb in
  up) up "$@" ;;
  down) down ;;
  status) need_root dev-status; status ;;
  env)
    need_cluster
    printf 'export KUBECONFIG=%s PATH="%s:%s"\n' "$state/pki/admin.conf" "$(cat "$state/build")/bin" "\$PATH"
    ;;
  load | node)
    need_root "'$verb'"
    need_cluster
    [ "$verb" = load ] || [ $# -ge 2 ] || usage
    if [ "$verb $1" = 'node exec' ]; then
      [ $# -ge 3 ] || usage
      exec_in_node "${@:2}"
    fi
    take_lock
    "$verb" "$@"
    ;;
  *) usage ;;
esac
