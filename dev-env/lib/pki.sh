# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced: the certificates and kubeconfigs of a cluster, in $state/pki, signed by an authority that lives as long as it does.

# issue NAME SUBJECT [SUBJECT-ALT-NAMES]
issue() {
  local pki=$state/pki
  openssl req -x509 -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
    -nodes -days 30 -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -subj "$2" -keyout "$pki/$1.key" -out "$pki/$1.crt" \
    -addext extendedKeyUsage=serverAuth,clientAuth ${3:+-addext "subjectAltName=$3"} 2>>"$state/log/pki.log" ||
    fail "openssl made no certificate for $1: $(tail -n 1 "$state/log/pki.log")"
}

# kubeconfig NAME: for the certificate of that name.
kubeconfig() {
  local pki=$state/pki
  cat >"$pki/$1.conf" <<END
apiVersion: v1
kind: Config
clusters: [{name: $cluster, cluster: {server: "https://$api_ip:6443", certificate-authority-data: $(base64 -w0 "$pki/ca.crt")}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$pki/$1.crt"), client-key-data: $(base64 -w0 "$pki/$1.key")}}]
contexts: [{name: $cluster, context: {cluster: $cluster, user: $1}}]
current-context: $cluster
END
}

make_pki() {
  local pki=$state/pki
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$cluster" \
    -keyout "$pki/ca.key" -out "$pki/ca.crt" 2>"$state/log/pki.log"
  openssl ecparam -genkey -name prime256v1 -noout -out "$pki/accounts.key"
  openssl ec -in "$pki/accounts.key" -pubout -out "$pki/accounts.pub" 2>>"$state/log/pki.log"
  issue apiserver /CN=kube-apiserver \
    "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:$api_ip,IP:${service_net%.*}.1"
  issue admin /O=system:masters/CN=admin
  issue scheduler /CN=system:kube-scheduler
  issue controller-manager /CN=system:kube-controller-manager
  issue front-proxy /CN=front-proxy
  issue proxy /CN=system:kube-proxy
  local name
  for name in admin scheduler controller-manager proxy; do kubeconfig "$name"; done
}

make_node_pki() { # NODE-NAME IP
  issue "$1" "/O=system:nodes/CN=system:node:$1" "DNS:$1,IP:$2"
  kubeconfig "$1"
}
