# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced by cluster.sh: a cluster's cgroups, one in every hierarchy with one for the control plane and one for each node in
# it, recorded by inode. They are what finds every process of a node, whatever became of its parents.

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
