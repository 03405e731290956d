# shellcheck shell=bash disable=SC2034,SC2154 # names of lib.sh, pods.sh and surge.sh
# Sourced by run.sh: what the attach-detach controller and the pod collector wait for when a node is killed. Node 2 dies under
# StatefulSets that differ in what is done for them; timed is the life of their VolumeAttachments, which are made by the
# controller manager and answered by the real external attacher in front of a driver that says yes to everything
# (../src/probes/csi-stand-in.ts).

stand_in=$(cd "$here/../src/probes" && pwd)/csi-stand-in.ts
runtime=$(PATH=$here/../../../bin:$PATH type -P node) || fail "node is not installed; run 'make setup'"
sets=(plain quick listed forced freed)

apply_set() { # NAME TOLERATIONS
  k apply -f - >/dev/null <<END
apiVersion: v1
kind: PersistentVolume
metadata: { name: $1 }
spec:
  capacity: { storage: 1Mi }
  accessModes: [ReadWriteOnce]
  storageClassName: ''
  claimRef: { namespace: default, name: $1 }
  csi: { driver: csi.probe.test, volumeHandle: $1 }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: $1 }
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ''
  volumeName: $1
  resources: { requests: { storage: 1Mi } }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: $1 }
spec:
  serviceName: none
  selector: { matchLabels: { app: $1 } }
  template:
    metadata: { labels: { app: $1 } }
    spec:
      terminationGracePeriodSeconds: 1
      tolerations: [$2]
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - { weight: 1, preference: { matchExpressions: [{ key: kubernetes.io/hostname, operator: In, values: [$cluster-2] }] } }
      containers:
        - name: main
          image: holdfast.test/busybox:1
          imagePullPolicy: Never
          command: [sleep, infinity]
          volumeMounts: [{ name: volume, mountPath: /volume }]
      volumes: [{ name: volume, persistentVolumeClaim: { claimName: $1 } }]
END
}

start_stand_in() { # NUMBER
  node exec "$1" mkdir -p /var/lib/kubelet/plugins/csi.probe.test
  node exec "$1" sh -c "setsid '$runtime' '$stand_in' $cluster-$1 /var/lib/kubelet/plugins_registry/csi.probe.test.sock \
    /var/lib/kubelet/plugins/csi.probe.test/csi.sock >>'$state/nodes/$cluster-$1/log/csi.log' 2>&1 </dev/null &"
}
# Ended with this shell at the latest.
start_attacher() {
  setpriv --pdeathsig KILL "$runtime" "$stand_in" controller "$work/csi.sock" >"$work/controller.log" 2>&1 &
  helpers+=($!)
  wait_until 10 test -S "$work/csi.sock"
  setpriv --pdeathsig KILL "$built/bin/csi-attacher" --kubeconfig "$state/pki/admin.conf" --csi-address "$work/csi.sock" \
    >"$work/attacher.log" 2>&1 &
  helpers+=($!)
}

watch_kind() { # FILE KIND JSONPATH
  "$built/bin/kubectl" --kubeconfig "$state/pki/admin.conf" get "$2" --watch --output-watch-events -o "jsonpath={.type} $3{'\n'}" \
    > >(stamp >"$work/$1") 2>/dev/null &
  helpers+=($!)
}
watch_all() {
  watch_kind nodes nodes '{.object.metadata.name} ready={.object.status.conditions[?(@.type=="Ready")].status} taints={.object.spec.taints[*].key}'
  watch_kind pods pods '{.object.metadata.name} uid={.object.metadata.uid} node={.object.spec.nodeName} ready={.object.status.conditions[?(@.type=="Ready")].status} going={.object.metadata.deletionTimestamp}'
  watch_kind attachments volumeattachments '{.object.spec.source.persistentVolumeName} node={.object.spec.nodeName} attached={.object.status.attached} going={.object.metadata.deletionTimestamp}'
}
# since FILE PATTERN: seconds from the node's death to the first such line after it, or nothing.
since() {
  local line
  line=$(awk -v "from=$death" '$1 >= from' "$work/$1" | grep -E -- "$2" | head -n 1)
  [ -z "$line" ] || awk -v "from=$death" -v "at=${line%% *}" 'BEGIN { printf "%.1f", (at - from) / 1000 }'
}
since_death() { awk -v "ms=$(($(milliseconds) - death))" 'BEGIN { printf "%.1f", ms / 1000 }'; }
comes() { wait_until "$1" happened "${@:2}"; }
happened() { [ -n "$(since "$@")" ]; }
within() { # SECONDS LEAST MOST
  printf '%s s, expected %s to %s\n' "$@"
  awk -v "at=${1:--1}" -v "least=$2" -v "most=$3" 'BEGIN { exit !(at >= least && at <= most) }'
}
# timed SENTENCE SECONDS LEAST MOST
timed() { holds "$1: ${2:-never} s" within "${2:-}" "$3" "$4"; }
less() { awk -v "a=${1:-0}" -v "b=${2:-0}" 'BEGIN { printf "%.1f", a - b }'; }

pod_uid() { k get pod "$1-0" -o 'jsonpath={.metadata.uid}'; }
still_there() {
  [[ $(k get pod "$1-0" -o 'jsonpath={.spec.nodeName} {.metadata.deletionTimestamp}') == "$cluster-2 "?* ]] && is_attached "$1" 2
}
force_delete() { # NAME UID
  printf '{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"preconditions":{"uid":"%s"}}' "$2" |
    k delete --raw "/api/v1/namespaces/default/pods/$1-0" -f -
}
volumes_in_use() { k get node "$cluster-2" -o 'jsonpath={.status.volumesInUse}'; }
# Takes one volume out of the dead node's list, if the list is still the one that was read.
take_out() {
  local index
  index=$(volumes_in_use | tr , '\n' | grep -nF "csi.probe.test^$1\"" | cut -d: -f1)
  k patch node "$cluster-2" --subresource=status --type=json -p "[
    { \"op\": \"test\", \"path\": \"/status/volumesInUse/$((index - 1))\", \"value\": \"kubernetes.io/csi/csi.probe.test^$1\" },
    { \"op\": \"remove\", \"path\": \"/status/volumesInUse/$((index - 1))\" }]"
}
ready_on() { [ "$(k get pod "$1-0" -o 'jsonpath={.spec.nodeName} {.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" = "$cluster-$2 True" ]; }
is_attached() { k get volumeattachments -o 'jsonpath={range .items[*]}{.spec.source.persistentVolumeName} {.spec.nodeName}{"\n"}{end}' | grep -x "$1 $cluster-$2"; }
in_use() { contains "$(volumes_in_use)" "csi.probe.test^$1\""; }
registered() { k get csinode "$cluster-$1" -o 'jsonpath={.spec.drivers[*].name}' | grep -F csi.probe.test; }

begin_death() {
  local set number
  k apply -f - >/dev/null <<<'{ "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": { "name": "csi.probe.test" }, "spec": { "attachRequired": true } }'
  for number in 1 2; do
    start_stand_in $number
    wait_until 60 registered $number >/dev/null ||
      fail "the kubelet of node $number did not register the driver; see $state/nodes/$cluster-$number/log"
  done
  start_attacher
  for set in "${sets[@]}"; do
    case $set in
      quick | listed) apply_set "$set" '{ key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 0 }' ;;
      *) apply_set "$set" '' ;;
    esac
  done
  watch_all
}
settled() {
  local set
  for set in "${sets[@]}"; do
    wait_until 60 ready_on "$set" 2 && wait_until 30 in_use "$set"
  done
}
die() {
  death=$(milliseconds)
  node kill 2
}
# What a person or a power controller says of node 2.
say_out_of_service() { k taint node "$cluster-2" node.kubernetes.io/out-of-service=nodeshutdown:NoExecute >/dev/null; }

life_of() { # NAME: when its attachment to node 2 was told to go, was gone, and its pod Ready on node 1, in seconds after death
  printf '        %-7s pod told to go %s, gone %s; detach %s; pod on node 1 ready %s\n' "$1" \
    "$(since pods "MODIFIED $1-0 .*node=$cluster-2 .*going=.+")" "$(since pods "DELETED $1-0 .*node=$cluster-2 ")" \
    "$(since attachments "DELETED $1 node=$cluster-2 ")" "$(since pods "$1-0 .*node=$cluster-1 ready=True")"
}

prove_death() {
  local not_ready taken taint set
  say 'A node is killed under five StatefulSets'
  begin_death
  holds 'all run on node 2, and it says that their volumes are in use' settled
  die
  comes 60 nodes "MODIFIED $cluster-2 ready=Unknown"
  not_ready=$(since nodes "MODIFIED $cluster-2 ready=Unknown")
  timed 'NotReady' "$not_ready" 10 25

  holds 'a force-delete with another UID is refused' fails force_delete forced 00000000-0000-0000-0000-000000000000
  holds 'with its own it is not' force_delete forced "$(pod_uid forced)"
  force_delete freed "$(pod_uid freed)" >/dev/null
  taken=$(since_death)
  take_out freed >/dev/null
  take_out listed >/dev/null
  comes 30 attachments "DELETED freed node=$cluster-2 "
  timed 'force-deleted and taken out of volumesInUse, detached after' \
    "$(less "$(since attachments "DELETED freed node=$cluster-2 ")" "$taken")" 0 5
  comes 60 pods "freed-0 .*node=$cluster-1 ready=True"
  timed 'and its pod Ready elsewhere after' "$(less "$(since pods "freed-0 .*node=$cluster-1 ready=True")" "$taken")" 0 15
  comes 30 pods "MODIFIED quick-0 .*going=.+"
  timed 'tolerationSeconds 0, told to go after NotReady by' "$(less "$(since pods 'MODIFIED quick-0 .*going=.+')" "$not_ready")" 0 5

  comes 330 pods "MODIFIED plain-0 .*going=.+"
  timed 'default tolerationSeconds, told to go after NotReady by' \
    "$(less "$(since pods 'MODIFIED plain-0 .*going=.+')" "$not_ready")" 295 310
  comes 420 attachments "DELETED forced node=$cluster-2 "
  timed 'force-deleted only, detached after' "$(less "$(since attachments "DELETED forced node=$cluster-2 ")" "$taken")" 355 375
  holds 'until then its next pod waits for the attachment' contains \
    "$(k get events --field-selector=reason=FailedAttachVolume,involvedObject.name=forced-0 -o 'jsonpath={.items[*].message}')" Multi-Attach
  comes 60 pods "forced-0 .*node=$cluster-1 ready=True"
  for set in quick listed; do
    timed "$set: told to go more than six minutes ago" \
      "$(less "$(since_death)" "$(since pods "MODIFIED $set-0 .*going=.+")")" 360.5 420
    holds "$set: but not gone, and still attached, since the six minutes run only without a pod" still_there "$set"
  done
  holds 'plain: not gone either' still_there plain

  say 'The node is said to be out of service'
  taint=$(since_death)
  say_out_of_service
  for set in plain quick listed; do
    comes 60 pods "$set-0 .*node=$cluster-1 ready=True"
    timed "$set: collected after" "$(less "$(since pods "DELETED $set-0 .*node=$cluster-2 ")" "$taint")" 0 22
    timed "$set: detached after" "$(less "$(since attachments "DELETED $set node=$cluster-2 ")" "$taint")" 0 25
  done
  for set in "${sets[@]}"; do life_of "$set"; done
}

# Goes on with what prove_death began.
prove_taint_at_once() {
  local taint
  say 'A node is killed and said to be out of service at once'
  back_on_node_2 plain
  die
  taint=$(since_death)
  say_out_of_service
  comes 120 pods "plain-0 .*node=$cluster-1 ready=True"
  timed 'NotReady' "$(since nodes "MODIFIED $cluster-2 ready=Unknown")" 10 25
  timed 'told to go, after the taint' "$(less "$(since pods "MODIFIED plain-0 .*node=$cluster-2 .*going=.+")" "$taint")" 0 5
  timed 'collected, within a period of 20 s after NotReady' "$(since pods "DELETED plain-0 .*node=$cluster-2 ")" 10 47
  timed 'detached' "$(since attachments "DELETED plain node=$cluster-2 ")" 10 48
  timed 'Ready elsewhere' "$(since pods "plain-0 .*node=$cluster-1 ready=True")" 10 60
  life_of plain
}
given_again() { # NAME OLD-UID
  local pod
  pod=$(k get pod "$1-0" -o 'jsonpath={.metadata.uid} {.spec.nodeName}' 2>/dev/null) && [[ $pod == *" $cluster-2" && $pod != "$2 "* ]]
}
# Where a pod goes is the scheduler's business; the preferred node is ready and empty.
back_on_node_2() { # SET…
  local set
  sets=("$@")
  k taint node "$cluster-2" node.kubernetes.io/out-of-service- >/dev/null
  node start 2
  start_stand_in 2
  wait_until 60 node_ready || fail "node 2 is not Ready after 60 s; see $state/nodes/$cluster-2/log"
  for set in "$@"; do k delete pod "$set-0" >/dev/null; done
  holds "back on node 2: $*" settled
}

# Goes on with what prove_taint_at_once began. Whoever is sure of a node's death need not wait for Kubernetes to be.
prove_before_not_ready() {
  local first taken
  say 'Pods of a killed node are force-deleted while it still counts as Ready'
  back_on_node_2 forced freed
  die
  first=$(pod_uid forced)
  force_delete forced "$first" >/dev/null
  holds 'what is deleted before the node is closed is given to the dead node again' wait_until 10 given_again forced "$first"
  k taint node "$cluster-2" probe.test/fenced=:NoSchedule >/dev/null
  force_delete freed "$(pod_uid freed)" >/dev/null
  taken=$(since_death)
  take_out freed >/dev/null
  comes 30 pods "freed-0 .*node=$cluster-1 ready=True"
  holds 'Ready elsewhere before the node is NotReady' fails happened nodes "MODIFIED $cluster-2 ready=Unknown"
  timed 'after the node is closed for new pods, the pod deleted and its volume taken out' \
    "$(less "$(since pods "freed-0 .*node=$cluster-1 ready=True")" "$taken")" 0 15
  life_of freed
}
node_ready() { [ "$(k get node "$cluster-2" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }
