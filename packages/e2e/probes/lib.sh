# shellcheck shell=bash disable=SC2034,SC2154 # names of dev-env's common.sh, and for the files beside this one
# Sourced by run.sh: assertions, time, and the parts of a cluster that the proofs look at. Relies on dev-env's common.sh.

k() { "$built/bin/kubectl" --kubeconfig "$state/pki/admin.conf" --request-timeout 20s "$@"; }
node() { "$dev_env/cluster.sh" node "$@"; }
in_node() { "$dev_env/cluster.sh" node exec 1 "$@"; }
milliseconds() { printf '%s' $((${EPOCHREALTIME/./} / 1000)); }
say() { printf '\n%s\n' "$*"; }

passed=0 failed=0
# holds SENTENCE COMMAND…
holds() {
  if "${@:2}" >"$work/output" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$1"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$1"
    sed 's/^/        /' "$work/output" | tail -n 20
  fi
}
fails() { ! "$@"; }
equals() { [ "$1" = "$2" ] || { printf 'is:        %s\nshould be: %s\n' "$1" "$2"; return 1; }; }
contains() { [[ $1 == *"$2"* ]] || { printf 'is:           %s\nshould have:  %s\n' "$1" "$2"; return 1; }; }
lacks() { [[ $1 != *"$2"* ]] || { printf 'is:               %s\nshould not have:  %s\n' "$1" "$2"; return 1; }; }

# The folder of the proofs, as the node and its pods name it, and as the machine does.
folder=/var/lib/kubelet/plugins/probe.test
outside=$state/nodes/${cluster}-1/kubelet/plugins/probe.test

field() { sed -E "s/.*\b$1=([^ ]+).*/\1/" <<<"$2"; }

# What a user of the volume saw; the users are `loop` (the device) and `file` (the file itself).
stats() { "$work/probe" stats "$outside/stats-$1" "${@:2}"; }
done_of() { field "done" "$(stats "$1")"; }
# Moved on from COUNT, that is, I/O flows.
moved_on() { [ "$(done_of "$1")" -gt "$2" ]; }
flows() { # USER: more is done than when it was asked, within 60 s
  local before
  before=$(done_of "$1")
  wait_until 60 moved_on "$1" $((before + 20))
}
forget_waits() {
  local user
  for user in "${users[@]}"; do stats "$user" --forget >/dev/null; done
}
# Also sets `longest`, the longest wait in milliseconds of any user since they were last asked.
unharmed() {
  local user seen
  for user in "${users[@]}"; do
    flows "$user" || { printf '%s does not move on\n' "$user"; return 1; }
    seen=$(stats "$user" --forget)
    printf '%s\n' "$seen"
    contains "$seen" 'errors=0' && contains "$seen" 'wrong=0' || return 1
    longest=$(($(field longest_ms "$seen") > longest ? $(field longest_ms "$seen") : longest))
  done
}
# survived EVENT BAR-MS: no error, no wrong byte, and nobody waited longer than that.
survived() {
  longest=0
  holds "$1: no error, no wrong byte" unharmed
  holds "$1: the longest wait is $longest ms (bar $2 ms)" test "$longest" -le "$2"
}
harmed() { lacks "$(stats "$1")" 'errors=0'; }
