#!/bin/bash
# The first process of a cluster, in its own mount, network and process namespaces: makes the bridge, runs the control plane
# and then only reaps. Whatever the cluster runs lives in these namespaces or in ones below them, so the end of this process
# is the end of all of it. /proc is still the machine's: the process records itself under the number that the machine knows.
. "$(dirname "$0")/common.sh"
bin=$1
process_identity self >"$state/made/init.part"
mv "$state/made/init.part" "$state/made/init"

ip -batch - <<END
link set lo up
link add bridge address $(card "$api_ip") type bridge
addr add $api_ip/24 dev bridge
link set bridge up
END
printf '1\n' >/proc/sys/net/ipv4/ip_forward
touch "$state/bridge-ready"

cd "$state/pki" || exit 1
run() { "$bin/$1" "${@:2}" >"$state/log/$1.log" 2>&1 </dev/null & }
run etcd --data-dir "$state/etcd" --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync --log-level warn
run kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address="$api_ip" --advertise-address="$api_ip" \
  --service-cluster-ip-range="$service_net" --client-ca-file=ca.crt --tls-cert-file=apiserver.crt \
  --tls-private-key-file=apiserver.key --kubelet-client-certificate=admin.crt --kubelet-client-key=admin.key \
  --kubelet-preferred-address-types=InternalIP --service-account-key-file=accounts.pub \
  --service-account-signing-key-file=accounts.key --service-account-issuer=https://kubernetes.default.svc \
  --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
  --requestheader-client-ca-file=ca.crt --requestheader-allowed-names=front-proxy \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
  --requestheader-extra-headers-prefix=X-Remote-Extra- --proxy-client-cert-file=front-proxy.crt \
  --proxy-client-key-file=front-proxy.key --enable-aggregator-routing=true --audit-policy-file="$dev_env/manifests/audit.yaml" \
  --audit-log-path="$state/log/audit.log" --audit-log-mode=batch
listens() { (: <>"/dev/tcp/$api_ip/6443") 2>/dev/null; }
wait_until 120 listens || exit 1
api_ready() { [ "$("$bin/kubectl" --kubeconfig admin.conf get --raw /readyz 2>/dev/null)" = ok ]; }
wait_until 120 api_ready || exit 1
touch "$state/api-ready"
run kube-controller-manager --kubeconfig=controller-manager.conf --authentication-kubeconfig=controller-manager.conf \
  --authorization-kubeconfig=controller-manager.conf --root-ca-file=ca.crt --service-account-private-key-file=accounts.key \
  --use-service-account-credentials --leader-elect=false --kube-api-qps=500 --kube-api-burst=1000 \
  --allocate-node-cidrs=false --node-monitor-period=2s --node-monitor-grace-period=16s
run kube-scheduler --kubeconfig=scheduler.conf --authentication-kubeconfig=scheduler.conf \
  --authorization-kubeconfig=scheduler.conf --leader-elect=false
exec "$bin/pause"
