#!/bin/bash
# Becomes the kubelet or the containerd of a node, inside it: node-daemon.sh kubelet|containerd NUMBER BIN, with `again` as the
# last word after the one that runs was killed, as a crash would, so that a restart is started with the same words as a boot.
. "$(dirname "$0")/common.sh"
daemon=$1 number=$2 bin=$3
name=$(node_name "$number")
record=/run/$daemon.process
if [ "${4:-}" = again ]; then
  if pid=$(live_pid "$record"); then
    kill -KILL "$pid"
    wait_until 10 gone "$record" || fail "the $daemon of $name does not end"
  fi
  "$0" "$daemon" "$number" "$bin" </dev/null >/dev/null 2>&1 &
  exit
fi

process_identity self >"$record.part"
mv "$record.part" "$record"
exec >>"$state/nodes/$name/log/$daemon.log" 2>&1
case $daemon in
  containerd) exec containerd -c /run/containerd.toml ;;
  kubelet)
    exec "$bin/kubelet" --config=/run/kubelet.yaml --kubeconfig="$state/pki/$name.conf" --hostname-override="$name" \
      --node-ip="$(node_ip "$number")" --cert-dir=/var/lib/kubelet/pki
    ;;
esac
