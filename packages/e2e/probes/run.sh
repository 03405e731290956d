#!/bin/bash
# Proves the facts about pods and processes that the design leans on, on a cluster of its own (docs/explanation/pods-and-processes.md
# says what follows from each), and fails if one of them changed. As root, with dev-env built (make dev-build) and gcc.
#   run.sh [lifetimes|surge|death]    all of it without a word: about a quarter of an hour
# The last line counts. CLUSTER=name (default probe); KEEP=1 leaves the cluster standing.
export CLUSTER=${CLUSTER:-probe}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../../../dev-env/lib/common.sh
. "$here/../../../dev-env/lib/common.sh"
need_root 'the proofs'
work=$(mktemp -d)
. "$here/lib.sh"
. "$here/pods.sh"
. "$here/lifetimes.sh"
. "$here/surge.sh"
. "$here/death.sh"
helpers=()

# With the cluster go all processes and mounts of a run, also of one that was interrupted; loop devices do not.
end_cluster() {
  [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null || true
  helpers=()
  "$dev_env/cluster.sh" down
  detach_ours
}
nothing_left() {
  ! loops_of_ours | grep . && ! grep fuse.probe /proc/self/mountinfo &&
    ! ls -d /sys/fs/cgroup/*/"$cgroup" "$state" /dev/termination-log 2>/dev/null
}
clean() {
  [ "${KEEP:-}" = 1 ] || end_cluster >/dev/null || true
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

lifetimes() {
  prove_views
  prove_restarts
  prove_without containerd
  prove_without kubelet
  prove_nobody_serves
  prove_nobody_holds
  prove_variants
}

surge() {
  prove_rollout
  prove_other_ends
  prove_without_surge
}

death() {
  prove_death
  prove_taint_at_once
  prove_before_not_ready
}

"$here/build.sh" "$work"
end_cluster
DISKS=0 "$dev_env/cluster.sh" up 2
built=$(cat "$state/build")
"$dev_env/cluster.sh" load "$work/probe.tar"
mkdir -p "$outside"
[ $# -gt 0 ] || set -- lifetimes surge death
for part in "$@"; do "$part"; done
if [ "${KEEP:-}" != 1 ]; then
  end_cluster
  holds 'no loop device, mount, cgroup or folder is left' nothing_left
fi
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
