# shellcheck shell=bash disable=SC2034,SC2154 # names of lib.sh
# Sourced by run.sh: the pods that the proofs are about, all on node 1, and how one of their processes is found and killed.

# What every pod here has: the folder, seen as PROPAGATION says, and the node's devices beside the container's own /dev.
pod_body() { # CONTAINER PROPAGATION ARGUMENTS
  local sign=/probe grace=1
  [ "$1" != server ] || { sign=/ready grace=5; }
  cat <<END
      nodeSelector: { kubernetes.io/hostname: $cluster-1 }
      terminationGracePeriodSeconds: $grace
      tolerations: [{ operator: Exists }]
      containers:
        - name: $1
          image: holdfast.test/probe:1
          imagePullPolicy: Never
          args: [$3]
          securityContext: { privileged: true }
          volumeMounts:
            - { name: folder, mountPath: $folder, mountPropagation: $2 }
            - { name: devices, mountPath: ${devices_at:-/host-dev} }
          ports: [${ports:-}]
          readinessProbe: { exec: { command: [/bin/busybox, test, -e, $sign] }, periodSeconds: 1 }
      volumes:
        - { name: folder, hostPath: { path: $folder, type: DirectoryOrCreate } }
        - { name: devices, hostPath: { path: /dev } }
END
}

daemon_set() { # NAME SURGE BODY
  cat <<END
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: $1 }
spec:
  selector: { matchLabels: { app: $1 } }
  updateStrategy: { rollingUpdate: { maxSurge: $2, maxUnavailable: $((1 - $2)) } }
  template:
    metadata: { labels: { app: $1 }, annotations: { version: '${version:-1}' } }
    spec:
$3
END
}

apply_server() { # SURGE [OPTION…]
  # Slow enough that some request is always being answered, whenever a server is killed.
  local option words="serve, $folder, 'holdfast:$cluster-1', --delay-us=5000"
  for option in "${@:2}"; do words+=", $option"; done
  daemon_set server "$1" "$(pod_body server Bidirectional "$words")" | k apply -f - >/dev/null
}
apply_keeper() { daemon_set keeper 0 "$(pod_body keeper None "keep, $folder${1:+, $1}")" | k apply -f - >/dev/null; }

apply_user() { # NAME ARGUMENTS
  printf 'apiVersion: v1\nkind: Pod\nmetadata: { name: %s, labels: { app: user } }\nspec:\n%s\n' "$1" \
    "$(pod_body user HostToContainer "$2" | sed 's/^    //')" | k apply -f - >/dev/null
}

pods_ready() { k rollout status "daemonset/$1" --timeout=60s >/dev/null; }
pod_of() { k get pods -l "app=$1" --field-selector=status.phase=Running -o 'jsonpath={.items[0].metadata.name}'; }
restarts_of() { k get pod "$1" -o 'jsonpath={.status.containerStatuses[0].restartCount}'; }

# The number that node 1 has for the first process of a pod's container.
process_of() { # POD
  wait_until 30 has_process "$1" || fail "$1 has no process"
  find_process "$1"
}
find_process() {
  local id
  id=$(k get pod "$1" -o 'jsonpath={.status.containerStatuses[0].containerID}')
  in_node ctr -n k8s.io tasks ls | awk -v "id=${id##*/}" '$1 == id && $3 == "RUNNING" { print $2 }'
}
# The API server hears of a container's next life later than we do.
has_process() { [ -n "$(find_process "$1")" ]; }
child_of() { in_node pgrep -P "$1"; }

events_since() { tail -n "+$(($1 + 1))" "$outside/events"; }
event_count() { wc -l <"$outside/events"; }
told() { events_since "$1" | grep -q -- "$2"; }
hears() { wait_until 60 told "$@"; }

# hold_down DAEMON: killed, and what would start it again at once, as a service manager does, is paused until let_up.
hold_down() {
  local process
  process=$(in_node pgrep -x "$1")
  manager=$(in_node ps -o ppid= -p "$process")
  in_node kill -STOP "$manager"
  in_node kill -KILL "$process"
}
let_up() { in_node kill -CONT "$manager"; }

attach_loop() { k exec "$(pod_of server)" -- /probe attach "$1" "$cluster-1/volume-1"; }
user_ready() { k wait --for=condition=Ready "pod/$1" --timeout=30s >/dev/null; }

# begin KEEPER-OPTION SERVER-OPTION…: a keeper (none with `none`), a server, a loop device, and users of it and of the file.
begin() {
  : >"$outside/events"
  truncate -s 16M "$outside/backing"
  if [ "$1" != none ]; then
    apply_keeper "$1"
    pods_ready keeper
  fi
  apply_server "${surge:-1}" "${@:2}"
  pods_ready server
  users=(loop file)
  if [[ " $* " == *' --detached '* ]]; then
    users=(loop)
    device=$(attach_loop "$(mount_path)")
  else
    device=$(attach_loop "$folder/fuse/volume")
    apply_user file "io, $folder/fuse/volume, $folder/stats-file, '8388608', '2'"
    user_ready file
  fi
  apply_user loop "io, /host-dev/${device#/dev/}, $folder/stats-loop, '0', '4'"
  user_ready loop
}
mount_path() { printf '/proc/1/fd/%s/volume' "$(sed -n 's/.*the mount is descriptor //p' "$outside/events" | tail -n 1)"; }
no_users() { [ -z "$(k get pods -l app=user --no-headers 2>/dev/null)" ]; }
no_pods() { [ -z "$(k get pods --no-headers 2>/dev/null)" ]; }
# Known by their name, whoever made them; also those of a run that was interrupted.
loops_of_ours() {
  local bound name
  for bound in /sys/block/loop*/loop; do
    [ -e "$bound" ] || continue
    name=${bound%/loop} name=/dev/${name##*/}
    # Another's may go away while it is looked at.
    if [[ $("$work/probe" name "$name" 2>/dev/null) == lo_file_name=$cluster-1/* ]]; then printf '%s\n' "$name"; fi
  done
}
detach_ours() {
  local name
  for name in $(loops_of_ours); do "$work/probe" detach "$name"; done
}
finish() {
  k delete pods -l app=user --ignore-not-found --wait=false >/dev/null
  wait_until 10 no_users || true
  k delete daemonsets --all >/dev/null
  wait_until 60 no_pods
  detach_ours
  while in_node umount "$folder/fuse" 2>/dev/null; do :; done
  rm -rf "${outside:?}"/*
}
