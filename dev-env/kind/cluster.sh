#!/bin/bash
# The cluster of dev-env/cluster.sh for machines that have Docker: kind with three workers, the same verbs.
#   cluster.sh up                starts it with 2 disks, loads build/image.tar and installs the chart
#   cluster.sh down              ends it and removes every trace
#   cluster.sh status            its nodes and disks
#   cluster.sh env               what to `eval` so that kubectl and helm speak to it
#   cluster.sh build             kind itself, which the other verbs do when it is wanted
#   cluster.sh config            the configuration that kind is given
#   cluster.sh load IMAGE.tar…   gives images to every node
#   cluster.sh node start|kill|shutdown|freeze|thaw|cut|mend|restart-kubelet|restart-containerd NUMBER
#   cluster.sh node exec NUMBER COMMAND…
# CLUSTER=name (default dev) tells clusters apart; DISKS and DISK_SIZE are the loopback disks that `up` makes. Where no image can
# be pulled, KIND_NODE_IMAGE names one that node-image.sh made, KIND_IMAGES names files of further images, and KIND_VALUES other
# values for the chart.
. "$(dirname "$0")/../lib/common.sh"
. "$dev_env/lib/cache.sh"
kind_folder=$dev_env/kind
state=$base/$cluster/kind
image_archive=$dev_env/../build/image.tar
chart=$dev_env/../charts/holdfast
worker_count=3

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
control_plane=$cluster-control-plane
# kind leaves the number of the first of its kind out.
container() { if [ "$1" = 1 ]; then printf '%s-worker' "$cluster"; else printf '%s-worker%s' "$cluster" "$1"; fi; }
numbers() { seq "$worker_count"; }
kubectl() { docker exec "$control_plane" kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"; }
is_up() { docker container inspect "$control_plane" >/dev/null 2>&1; }
need_cluster() { is_up || fail "$cluster is not up; run 'make dev-up WITH=kind' (CLUSTER=$cluster)"; }

need_docker() {
  command -v docker >/dev/null || fail "docker is not installed; without it, 'make dev-up' starts a cluster on a Debian"
  docker info >/dev/null 2>&1 || fail "docker does not answer: $(docker info 2>&1 | grep -iE 'cannot|denied|error' | head -n 1)"
}

# The machine's kind, if it is the one that the node image was made for; else it is built, which needs Go and a minute.
find_kind() {
  if [ "$(kind version 2>/dev/null | cut -d' ' -f2)" = "v$KIND_VERSION" ]; then return; fi
  local folder
  grep -qE "sigs.k8s.io/kind v${KIND_VERSION//./\\.}( |\$)" "$kind_folder/go.mod" ||
    fail "versions.env wants kind $KIND_VERSION, dev-env/kind/go.mod does not: run 'go get -tool sigs.k8s.io/kind@v$KIND_VERSION' there"
  folder=$cache/kind-$(cat "$kind_folder/go.mod" "$kind_folder/go.sum" | sha256sum | cut -c1-16)
  if [ ! -e "$folder/kind" ]; then
    command -v go >/dev/null || fail "kind $KIND_VERSION is not installed, and there is no Go to build it with: install one of the two"
    say "builds kind $KIND_VERSION"
    mkdir -p "$cache"
    (cd "$kind_folder" && GOBIN=$folder.$$ GOFLAGS='-trimpath -buildvcs=false' CGO_ENABLED=0 go install tool) ||
      fail 'kind was not built'
    mv "$folder.$$" "$folder"
  fi
  mark_used "$folder"
  export PATH=$folder:$PATH
}

# Written in place: the node sees the file itself, not its name.
boot() { cat /proc/sys/kernel/random/uuid >"$state/boot-ids/$1"; }
config() { sed -e "s|@IMAGE@|$KIND_NODE_IMAGE|" -e "s|@STATE@|$state|" "$kind_folder/cluster.yaml"; }

# Helm of the machine, or the one that dev-env builds.
helm() {
  if [ -z "${helm_program:-}" ]; then
    helm_program=$(type -P helm) || helm_program=$("$dev_env/build.sh" helm | sed -n 's/^dev-env: built: //p')/bin/helm
  fi
  "$helm_program" --kubeconfig "$state/kubeconfig" "$@"
}

up() {
  local number started=$SECONDS
  need_docker
  need_root 'a loop device'
  [ -e "$image_archive" ] || fail "there is no $image_archive; run 'make image'"
  find_kind
  take_lock
  if [ -e "$state/complete" ] && is_up; then
    say "$cluster is up already"
  else
    teardown
    mkdir -p "$state/boot-ids"
    for number in 0 $(numbers); do boot "$number"; done
    config >"$state/cluster.yaml"
    "$dev_env/disks.sh" create "${DISKS:-2}" "${DISK_SIZE:-4G}"
    kind create cluster --name "$cluster" --config "$state/cluster.yaml" --kubeconfig "$state/kubeconfig" --wait 120s ||
      fail "kind did not create $cluster; 'make dev-down WITH=kind' removes what it left"
    # shellcheck disable=SC2086 # a list of files
    load "$image_archive" ${KIND_IMAGES:-}
    helm install holdfast "$chart" -n holdfast-system --create-namespace --values "${KIND_VALUES:-$kind_folder/values.yaml}" --wait --timeout 120s ||
      fail "the chart was not installed; 'make dev-down WITH=kind' removes the cluster"
    touch "$state/complete"
    say "$cluster is up with $worker_count workers after $((SECONDS - started)) s"
  fi
  say "eval \"\$(CLUSTER=$cluster $kind_folder/cluster.sh env)\" makes kubectl and helm speak to it"
}

teardown() {
  local paused
  # A paused container does not end.
  paused=$(docker ps --quiet --filter "label=io.x-k8s.kind.cluster=$cluster" --filter status=paused)
  [ -z "$paused" ] || xargs docker unpause >/dev/null <<<"$paused"
  kind delete cluster --name "$cluster" --kubeconfig "$(mktemp --dry-run)" >/dev/null 2>&1 || fail "kind did not delete $cluster"
  # Without a state of ours the disks are those of a cluster without Docker.
  [ ! -e "$state" ] || "$dev_env/disks.sh" remove
  rm -rf "$state"
  rmdir "$base/$cluster" "$base" 2>/dev/null || true
}

down() {
  local started=$SECONDS
  need_docker
  need_root 'a loop device'
  find_kind
  take_lock
  teardown
  say "$cluster is down after $((SECONDS - started)) s"
}

status() {
  if is_up; then
    say "$cluster is $([ -e "$state/complete" ] && echo up || echo half-started), kubeconfig $state/kubeconfig"
    docker ps --all --filter "label=io.x-k8s.kind.cluster=$cluster" --format '  {{.Names}}  {{.State}}' | sort
    kubectl get nodes --no-headers --request-timeout 10s || say 'the API server does not answer'
  else
    say "$cluster is down"
  fi
  "$dev_env/disks.sh" list
}

load() { # IMAGE.tar…
  local image
  for image in "$@"; do
    kind load image-archive "$image" --name "$cluster" || fail "the nodes of $cluster did not take $image"
  done
}

# No logind tells this kubelet of a shutdown; so its pods are ended as it would end them, the critical ones last, and then the
# power goes.
shutdown_node() { # CONTAINER
  local -r critical_priority=2000000000
  local pods
  kubectl cordon "$1" >/dev/null
  pods=$(kubectl get pods --all-namespaces --field-selector "spec.nodeName=$1" \
    -o 'jsonpath={range .items[*]}{.spec.priority} {.metadata.namespace} {.metadata.name}{"\n"}{end}')
  end_pods < <(awk -v "from=$critical_priority" '$1 < from { print $2, $3 }' <<<"$pods")
  end_pods < <(awk -v "from=$critical_priority" '$1 >= from { print $2, $3 }' <<<"$pods")
  docker kill "$1" >/dev/null
  kubectl uncordon "$1" >/dev/null
}
end_pods() { # lines of NAMESPACE NAME
  local namespace name
  local -a told=()
  while read -r namespace name; do
    kubectl delete pod --wait=false -n "$namespace" "$name" >/dev/null
    told+=("$namespace $name")
  done
  for name in "${told[@]}"; do
    read -r namespace name <<<"$name"
    kubectl wait --for=delete --timeout=40s -n "$namespace" "pod/$name" >/dev/null || say "$namespace/$name did not end within 40 s"
  done
}

node() { # VERB NUMBER
  local verb=$1 number=$2 name
  [[ $number =~ ^[1-9]$ && $number -le $worker_count ]] || fail "there is no node '$number'; $cluster has 1 to $worker_count"
  name=$(container "$number")
  case $verb in
    start)
      [ "$(docker inspect --format '{{.State.Running}}' "$name")" = false ] || fail "$name is on already"
      boot "$number"
      rm -f "$state/route-$number"
      docker start "$name" >/dev/null
      ;;
    kill) docker kill "$name" >/dev/null ;;
    freeze) docker pause "$name" >/dev/null ;;
    thaw) docker unpause "$name" >/dev/null ;;
    # By its card rather than by docker's network: a container that joins that again has another address, and the kubelet was
    # told the one it has when it started.
    cut)
      docker exec "$name" ip -4 route show default | cut -d' ' -f2-3 >"$state/route-$number"
      docker exec "$name" ip link set eth0 down
      ;;
    mend)
      [ -s "$state/route-$number" ] || fail "$name was not cut"
      docker exec "$name" ip link set eth0 up
      # shellcheck disable=SC2046 # two words: via and the gateway
      docker exec "$name" ip route add default $(cat "$state/route-$number")
      rm "$state/route-$number"
      ;;
    restart-kubelet) docker exec "$name" systemctl restart kubelet ;;
    restart-containerd) docker exec "$name" systemctl restart containerd ;;
    shutdown) shutdown_node "$name" ;;
    *) usage ;;
  esac
}

[ $# -ge 1 ] || usage
verb=$1
shift
case $verb in
  up | down) "$verb" ;;
  build) find_kind ;;
  config) config ;;
  status) need_docker; status ;;
  env)
    need_docker
    need_cluster
    printf 'export KUBECONFIG=%s\n' "$state/kubeconfig"
    ;;
  load)
    need_docker
    need_cluster
    find_kind
    load "$@"
    ;;
  node)
    need_docker
    need_cluster
    [ $# -ge 2 ] || usage
    if [ "$1" = exec ]; then
      [ $# -ge 3 ] || usage
      exec docker exec --interactive "$(container "$2")" "${@:3}"
    fi
    take_lock
    node "$@"
    ;;
  *) usage ;;
esac
