#!/bin/bash
# Keeps the kubelet or the containerd of a node running, inside it, as a machine's service manager does (a kubelet gives up when
# its containerd does not answer): node-daemon.sh kubelet|containerd NUMBER BIN. With `again` as the last word it kills the one
# that runs, as a crash would, and returns when its successor runs.
. "$(dirname "$0")/common.sh"
daemon=$1 number=$2 bin=$3
name=$(node_name "$number")
record=/run/$daemon.process
between_starts_s=0.5

become_daemon() {
  process_identity self >"$record.part"
  mv "$record.part" "$record"
  case $daemon in
    containerd) exec containerd -c /run/containerd.toml ;;
    kubelet)
      exec "$bin/kubelet" --config=/run/kubelet.yaml --kubeconfig="$state/pki/$name.conf" --hostname-override="$name" \
        --node-ip="$(node_ip "$number")" --cert-dir=/var/lib/kubelet/pki
      ;;
  esac
}

if [ "${4:-}" = again ]; then
  before=$(cat "$record")
  # shellcheck disable=SC2317 # called by wait_until
  succeeded() { [ "$(cat "$record")" != "$before" ] && live_pid "$record" >/dev/null; }
  if pid=$(live_pid "$record"); then kill -KILL "$pid"; fi
  wait_until 10 succeeded || fail "the $daemon of $name was killed and does not come back; see $state/nodes/$name/log/$daemon.log"
  exit
fi
exec >>"$state/nodes/$name/log/$daemon.log" 2>&1
while :; do
  (become_daemon) || true
  say "the $daemon ended and is started again"
  sleep "$between_starts_s"
done
