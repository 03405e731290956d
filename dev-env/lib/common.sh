# shellcheck shell=bash disable=SC2034 # names for the scripts that source this
# Sourced by every script of dev-env: the names and addresses of a cluster, all derived from CLUSTER, its lock, and the
# records by which a process or link is known again before anything is done to it.
set -euo pipefail
dev_env=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../versions.env disable=SC1091
. "$dev_env/versions.env"

say() { printf 'dev-env: %s\n' "$*"; }
fail() { printf 'dev-env: %s\n' "$*" >&2; exit 1; }

cluster=${CLUSTER:-dev}
# An interface name has 15 bytes: "hf-" + 8 on the host, 8 + "-" + 2 digits on the bridge.
[[ $cluster =~ ^[a-z][a-z0-9]{0,7}$ ]] ||
  fail "CLUSTER=$cluster: a name is one letter and up to seven letters or digits, since it becomes part of interface names"

base=${HOLDFAST_DEV_ENV:-/var/tmp/holdfast-dev-env}
state=$base/$cluster/cluster
disks=$base/$cluster/disks
disk_links=/dev/holdfast/$cluster
cache=${HOLDFAST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/holdfast}/dev-env
link=hf-$cluster
cgroup=holdfast-$cluster

# One /16 holds everything of a cluster: .0 nodes, .64-.79 services, .129 and up the nodes' pods. Its number comes from the
# name; two names in 192 meet, which `up` sees as a route that is not its own.
net=10.$((32 + $(cksum <<<"$cluster" | cut -d' ' -f1) % 192))
api_ip=$net.0.1
host_ip=$net.0.254
service_net=$net.64.0/20
dns_ip=$net.64.10
node_limit=90

node_name() { printf '%s-%s' "$cluster" "$1"; }
node_ip() { printf '%s.0.%s' "$net" $((10 + $1)); }
# Fixed, so that nobody's neighbour table points at a card that went away with a node's power; a bridge without an address of
# its own takes one of its ports' and changes it with them, which cost the API server seconds of silence.
card() { printf '02:00:0a:%02x:00:%02x' "${net#10.}" "${1##*.}"; }
pod_net() { printf '%s.%s.0/24' "$net" $((128 + $1)); }

need_root() { [ "$(id -u)" = 0 ] || fail "$1 needs root (namespaces, interfaces, loop devices); run it with sudo"; }

# The lock is removed by its holder, so whoever got it looks whether the path still leads to what it locked.
lock_file=/run/lock/holdfast-dev-env-$cluster
take_lock() {
  while :; do
    exec {lock_fd}>"$lock_file"
    flock --wait 60 "$lock_fd" || fail "another command works on cluster $cluster since a minute ($lock_file is locked)"
    [ "$lock_file" -ef "/proc/self/fd/$lock_fd" ] && break
    exec {lock_fd}>&-
  done
  trap 'rm -f "$lock_file"; rmdir "$base" 2>/dev/null || true' EXIT
}

# wait_until SECONDS COMMAND…: looks every 50 ms; says nothing when time is up.
wait_until() {
  local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
  shift
  until "$@"; do
    [ "${EPOCHREALTIME/./}" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# A pid comes back for another process; together with the start time it does not.
process_identity() {
  local stat
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  local pid=${stat%% *} fields
  read -ra fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] || return 1
  printf '%s %s\n' "$pid" "${fields[19]}"
}

# live_pid FILE: the pid in a record, if that very process still runs.
live_pid() {
  local pid started
  read -r pid started 2>/dev/null <"$1" || return 1
  [ "$(process_identity "$pid")" = "$pid $started" ] || return 1
  printf '%s\n' "$pid"
}
gone() { ! live_pid "$1" >/dev/null; }

# Asked of the kernel, since /sys may show another network namespace than the caller's.
interface_index() { ip -o link show dev "$1" 2>/dev/null | cut -d: -f1; }
