# shellcheck shell=bash disable=SC2034 # names for the scripts that source this
# Sourced by every script of dev-env: the names and addresses of a cluster, all derived from CLUSTER, its lock, and the
# records by which a process, link or cgroup is known again before anything is done to it.
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

# module_id NAME: a module's folder in the cache; a change of what it is built from is another folder.
module_id() {
  printf '%s-' "$1"
  (
    cd "$dev_env/modules/$1"
    printf '%s\n' "$GO_VERSION"
    find . -type f | LC_ALL=C sort | xargs sha256sum
    cat "$dev_env/lib/build-module.sh"
  ) | sha256sum | cut -c1-16
}
# Kubernetes, which takes longest, first: Go's cache has nothing of it from the others then, and its time is its own.
modules() {
  local folder
  printf 'kubernetes\n'
  for folder in "$dev_env"/modules/*/; do
    [ "$folder" = "$dev_env/modules/kubernetes/" ] || basename "$folder"
  done
}
build_id() {
  local module
  {
    for module in $(modules); do module_id "$module"; done
    cat "$dev_env/image.sh" "$dev_env/lib/build-images.sh"
  } | sha256sum | cut -c1-16
}

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

# Folders of the cgroup v1 hierarchies of this machine; a controller's alias is a symlink.
cgroup_roots() {
  local root
  for root in /sys/fs/cgroup/*/; do
    root=${root%/}
    [ -L "$root" ] || [ ! -e "$root/tasks" ] || printf '%s\n' "$root"
  done
}

# make_cgroups NAME: the cluster's cgroup and NAME in it, in every hierarchy. The cluster's own are recorded by inode.
make_cgroups() {
  local root folder
  for root in $(cgroup_roots); do
    for folder in "$root/$cgroup" "$root/$cgroup/$1"; do
      if [ ! -d "$folder" ]; then
        mkdir "$folder"
        [ "$folder" != "$root/$cgroup" ] || printf '%s %s\n' "$(stat -c %i "$folder")" "$folder" >>"$state/made/cgroups"
        if [ -e "$folder/cpuset.cpus" ]; then
          cat "$root/cpuset.cpus" >"$folder/cpuset.cpus"
          cat "$root/cpuset.mems" >"$folder/cpuset.mems"
        fi
      fi
    done
  done
}

# join_cgroups NAME: the calling (sub)shell and what it starts.
join_cgroups() {
  local root
  for root in $(cgroup_roots); do printf '%s\n' "$BASHPID" >"$root/$cgroup/$1/cgroup.procs"; done
}

# our_cgroups [NAME]: the recorded cgroups that are still the ones that were made.
our_cgroups() {
  local inode folder
  [ -e "$state/made/cgroups" ] || return 0
  while read -r inode folder; do
    [ "$(stat -c %i "$folder" 2>/dev/null)" != "$inode" ] || printf '%s\n' "$folder${1:+/$1}"
  done <"$state/made/cgroups"
}

# cgroup_processes [NAME]: every process in them, as this machine numbers them.
cgroup_processes() {
  local folder
  for folder in $(our_cgroups "$@"); do
    find "$folder" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -nu
}
kill_processes() { # [NAME]: true once there are none; what was just being started is found by the next look
  local pid pids
  pids=$(cgroup_processes "$@")
  for pid in $pids; do kill -KILL "$pid" 2>/dev/null || true; done
  [ -z "$pids" ]
}

# end_cgroups [NAME]: power off. The kill is sent first and a frozen process is thawed second, so that it gets to do nothing.
end_cgroups() {
  local folder frozen
  kill_processes "$@" || true
  for folder in $(our_cgroups "$@"); do
    # A thawed parent leaves a child frozen that was frozen itself.
    while read -r frozen; do
      { printf 'THAWED\n' >"$frozen"; } 2>/dev/null || true
    done < <(find "$folder" -name freezer.state 2>/dev/null)
  done
  wait_until 10 kill_processes "$@" || return 1
  wait_until 5 remove_cgroups "$@"
}
remove_cgroups() {
  local folder
  for folder in $(our_cgroups "$@"); do
    [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || return 1
  done
}
