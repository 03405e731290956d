# shellcheck shell=bash disable=SC2034,SC2154 # names of lib.sh and pods.sh
# Sourced by run.sh: in which order a DaemonSet with maxSurge 1 and maxUnavailable 0 starts and ends pods, and what a handover of
# /dev/fuse between the old and the new one costs its users.

# What the API server tells of the servers' pods, each line as it came: milliseconds, pod, and what it is.
watch_pods() {
  "$built/bin/kubectl" --kubeconfig "$state/pki/admin.conf" get pods -l app=server --watch --output-watch-events \
    -o 'jsonpath={.type} {.object.metadata.name} ready={.object.status.conditions[?(@.type=="Ready")].status} going={.object.metadata.deletionTimestamp}{"\n"}' \
    > >(stamp >"$work/watch") 2>/dev/null &
  watcher=$!
}
stamp() {
  local line
  while read -r line; do printf '%s %s\n' "$(milliseconds)" "$line"; done
}
end_watch() { kill "$watcher"; }
seen_line() { grep -E -- "$1" "$work/watch" | head -n 1; }
told_by() { events_since "$mark" | grep -- "$1 .*$2" | head -n 1; }
# The moment of a line of either kind, in milliseconds.
moment() { local when=${1%% *}; printf '%s' "${when/./}"; }
before() { # LINE LINE: both are there, in this order
  printf '%s\n' "$@"
  [ -n "$1" ] && [ -n "$2" ] && [ "$(moment "$1")" -le "$(moment "$2")" ]
}
steps() { # LINE…: since the first of them
  local line start
  start=$(moment "$1")
  for line in "$@"; do printf '        %6s ms  %s\n' $(($(moment "$line") - start)) "${line#* }"; done
}

prove_rollout() {
  local old new mark watcher made started took gave serving ready told_to_go term gone
  say 'A surging DaemonSet is given another version'
  begin ''
  old=$(pod_of server)
  mark=$(event_count)
  forget_waits
  watch_pods
  version=2 apply_server 1
  hears "$mark" 'SIGTERM while idle'
  pods_ready server
  wait_until 20 seen_gone "$old"
  end_watch
  new=$(pod_of server)
  made=$(seen_line "ADDED $new ") ready=$(seen_line "MODIFIED $new ready=True") told_to_go=$(seen_line "MODIFIED $old .*going=.+")
  gone=$(seen_line "DELETED $old ") started=$(told_by "$new" started) took=$(told_by "$new" 'took over')
  gave=$(told_by "$old" 'handed over') serving=$(told_by "$new" serving) term=$(told_by "$old" SIGTERM)
  holds 'the new pod is made while the old one serves' before "$made" "$started"
  holds 'it takes over before it is Ready' before "$took" "$ready"
  holds 'the old one is told to go only after the new one is Ready' before "$ready" "$told_to_go"
  holds 'SIGTERM comes to a server that has handed over' before "$gave" "$term"
  holds 'the pod goes last' before "$term" "$gone"
  steps "$made" "$started" "$took" "$serving" "$ready" "$told_to_go" "$term" "$gone"
  survived 'the handover' 1000
}
seen_gone() { [ -n "$(seen_line "DELETED $1 ")" ]; }

# Goes on with what prove_rollout began.
prove_other_ends() {
  local old mark
  say 'A pod of a surging DaemonSet is deleted'
  old=$(pod_of server)
  mark=$(event_count)
  k delete pod "$old" --wait=false >/dev/null
  hears "$mark" "$old handed over"
  pods_ready server
  holds 'the next one is started beside it, since a deleted pod no longer counts' told "$mark" 'took over'
  survived 'the pod is deleted' 1000

  say 'A new version that never becomes Ready'
  old=$(pod_of server)
  forget_waits
  version=3 apply_server 1 --no-such-option
  holds 'the new one fails' wait_until 30 crashing
  holds 'the old one is not told to go' equals "$(k get pod "$old" -o 'jsonpath={.metadata.deletionTimestamp}')" ''
  survived 'a bad version' 1000
  version=4 apply_server 1
  pods_ready server

  say 'A server that leaves once it has handed over'
  version=5 apply_server 1 --leave
  pods_ready server
  old=$(pod_of server)
  mark=$(event_count)
  version=6 apply_server 1 --leave
  holds 'is started again by the kubelet, since its pod is not told to go yet, and takes everything back' \
    hears "$mark" "$old took over"
  pods_ready server
  survived 'the quarrel' 5000

  say 'A port of the host in a surging DaemonSet'
  ports='{ containerPort: 9808, hostPort: 9808 }' version=7 apply_server 1
  pods_ready server
  ports='{ containerPort: 9808, hostPort: 9808 }' version=8 apply_server 1
  holds 'the next pod finds no place: the old one has the port' wait_until 30 no_port
  k delete pods -l app=server --field-selector=status.phase=Pending --wait=false >/dev/null
  finish
}
crashing() { k get pods -l app=server --no-headers | grep -E 'Error|CrashLoopBackOff'; }
no_port() { k get events --field-selector=reason=FailedScheduling -o 'jsonpath={.items[*].message}' | grep -F "didn't have free ports"; }

prove_without_surge() {
  local mark
  say 'A DaemonSet without surge, a keeper beside it'
  surge=0 begin ''
  forget_waits
  mark=$(event_count)
  version=2 apply_server 0
  hears "$mark" 'fetched from the keeper'
  holds 'the old one is told to go, and ended, before the new one starts' before "$(told_by "server-[^ ]*" SIGTERM)" "$(told_by "server-[^ ]*" started)"
  longest=0
  holds 'no error, no wrong byte' unharmed
  holds "but I/O waits for a container's start: $longest ms" test "$longest" -ge 500
  finish
}
