# shellcheck shell=bash disable=SC2034,SC2154 # names of lib.sh and pods.sh
# Sourced by run.sh: what of a FUSE mount, a loop device on it, descriptors and I/O in flight outlives a process, a container, a
# pod, containerd and the kubelet, and who must hold what for it.

prove_views() {
  local server name long
  say 'What is seen from where'
  begin ''
  server=$(pod_of server)
  holds 'the mount made in the pod is in the node, with the node in its source' \
    contains "$(in_node grep fuse.probe /proc/self/mountinfo)" "$folder/fuse rw,nosuid,nodev,relatime shared:"
  holds 'with the node in its source' contains "$(in_node grep fuse.probe /proc/self/mountinfo)" "fuse.probe holdfast:$cluster-1"
  holds 'and in the pod as its peer' contains "$(k exec "$server" -- /bin/busybox grep fuse.probe /proc/self/mountinfo)" shared:
  holds 'and in a user with HostToContainer as its slave' \
    contains "$(k exec file -- /bin/busybox grep fuse.probe /proc/self/mountinfo)" master:
  holds 'and not on the machine beside it' fails grep fuse.probe /proc/self/mountinfo
  for where in machine node; do
    holds "losetup -a of the $where shows the path of the file" contains "$("losetup_of_$where")" "($folder/fuse/volume)"
  done
  holds 'while LOOP_GET_STATUS64, which busybox asks, tells the name that we gave' \
    contains "$(k exec "$server" -- /bin/busybox losetup -a)" "$device: 0 $cluster-1/volume-1"
  holds 'the same on the machine' contains "$("$work/probe" name "$device")" "lo_file_name=$cluster-1/volume-1 "
  holds 'the other name, lo_crypt_name, is not kept' contains "$("$work/probe" name "$device")" 'lo_crypt_name='
  loop_control 0x4C80 # LOOP_CTL_ADD
  holds 'a loop device that is made later is in the /dev of the node' k exec "$server" -- /bin/busybox test -b "/host-dev/loop$spare_loop"
  holds 'but not in the /dev of a privileged container, a copy from its start' \
    fails k exec "$server" -- /bin/busybox test -e "/dev/loop$spare_loop"
  loop_control 0x4C81 # LOOP_CTL_REMOVE
  holds 'no pod has left anything in /dev' test ! -e /dev/termination-log
  devices_at=/dev apply_user curious "'prints its usage and ends'"
  holds "a pod that has the node's /dev at /dev leaves a file in it" wait_until 30 test -e /dev/termination-log
  k delete pod curious >/dev/null
  rm -f /dev/termination-log
  long=$(printf '%064d' 0)
  name=$("$work/probe" attach "$outside/backing" "$long")
  holds 'of 64 bytes 63 are kept' equals "$("$work/probe" name "$name")" "lo_file_name=${long:1} lo_crypt_name="
  "$work/probe" detach "$name"
}
spare_loop=4711
loop_control() { perl -e 'open(my $f, "+<", "/dev/loop-control") or die "$!\n"; ioctl($f, oct($ARGV[0]), int($ARGV[1])) or die "$!\n"' "$1" "$spare_loop"; }
losetup_of_machine() { losetup -a; }
losetup_of_node() { in_node losetup -a; }

# Goes on with what prove_views began.
prove_restarts() {
  local server process mark
  say 'A keeper in another pod holds every descriptor'
  server=$(pod_of server)
  process=$(process_of "$server")
  forget_waits
  mark=$(event_count)
  in_node kill -KILL "$(child_of "$process")"
  holds 'a killed child is started again by the first process' hears "$mark" 'the child died'
  survived 'the serving process is killed' 1000
  holds 'no container was started again for it' equals "$(restarts_of "$server")" 0

  mark=$(event_count)
  in_node kill -KILL "$process"
  holds 'after the container is killed, the next one fetches from the keeper' hears "$mark" 'fetched from the keeper'
  holds 'and answers what the one before had read' hears "$mark" 'requests left behind: .*, answers taken: [12]'
  survived 'the container is killed' 3000
  holds 'the mount is still the same' equals "$(in_node grep -c fuse.probe /proc/self/mountinfo)" 1
  holds 'the path of the loop device lost its folders, since the mount that it was opened in is gone' \
    equals "$(cat "/sys/block/${device#/dev/}/loop/backing_file")" /volume
  holds 'its name did not' contains "$("$work/probe" name "$device")" "lo_file_name=$cluster-1/volume-1 "

  mark=$(event_count)
  in_node kill -KILL "$(process_of "$server")"
  hears "$mark" 'fetched from the keeper'
  longest=0
  holds 'the container is killed again: no error, no wrong byte' unharmed
  holds "but the kubelet waits before a second start: $longest ms" test "$longest" -ge 8000

  mark=$(event_count)
  k delete pod "$server" --force --grace-period=0 >/dev/null 2>&1
  holds 'after a pod is force-deleted, the next one serves' hears "$mark" serving
  survived 'the pod is force-deleted' 10000

  mark=$(event_count)
  k delete pod "$(pod_of keeper)" >/dev/null
  holds 'a new keeper is given everything' hears "$mark" keeping
  survived 'the keeper is deleted' 1000
}

# Goes on with what is there. NAME is killed, a child, and a container that only NAME could start again.
prove_without() { # NAME
  local server process mark manager
  say "$1 is killed"
  server=$(pod_of server)
  process=$(process_of "$server")
  forget_waits
  hold_down "$1"
  survived "$1 is killed" 1000
  holds 'the container is the same' in_node kill -0 "$process"
  mark=$(event_count)
  in_node kill -KILL "$(child_of "$process")"
  hears "$mark" 'the child died'
  survived "the serving process is killed while there is no $1" 1000
  in_node kill -KILL "$process"
  holds "without $1 nobody starts the container again" fails wait_until 4 told "$mark" fetched
  let_up
  holds "$1 is there again, and the container" hears "$mark" fetched
  longest=0
  holds 'what was in flight was held, not failed' unharmed
  printf '        after %s ms\n' "$longest"
}

asleep() { in_node ps -L -o stat= -p "$1" | grep -q D; }
prove_nobody_serves() {
  local user mark
  say 'Nobody serves, the keeper holds'
  mark=$(event_count)
  k delete daemonset server >/dev/null
  wait_until 30 sole_pods_are keeper user
  user=$(process_of loop)
  holds 'a user of the device is in uninterruptible sleep' wait_until 10 asleep "$user"
  in_node kill -KILL "$user"
  holds 'a SIGKILL does not end it' fails wait_until 3 ended "$user"
  holds 'statfs of the mount hangs in the node, for everybody who walks over the mounts' \
    equals "$(in_node timeout 2 stat -f "$folder/fuse" >/dev/null 2>&1; echo $?)" 124
  holds 'without ending anything, the mount can be taken from the node' in_node umount --lazy "$folder/fuse"
  apply_server 1
  holds 'a server that comes later serves' hears "$mark" 'fetched from the keeper'
  holds 'the sleeper ends at once' wait_until 10 ended "$user"
  users=(loop)
  wait_until 30 restarted loop
  holds 'the device goes on, though its file is in no mount of the node' unharmed
  holds 'no mount is seen in the node' fails in_node grep fuse.probe /proc/self/mountinfo
  finish
}
ended() { ! in_node kill -0 "$1" 2>/dev/null; }
restarted() { [ "$(restarts_of "$1")" -gt 0 ]; }
sole_pods_are() { [ "$(k get pods -o 'jsonpath={.items[*].metadata.labels.app}' | tr ' ' '\n' | sort -u | xargs)" = "$*" ]; }

prove_nobody_holds() {
  local mark
  say 'Nobody else holds a descriptor'
  begin none
  mark=$(event_count)
  in_node kill -KILL "$(process_of "$(pod_of server)")"
  hears "$mark" serving
  holds 'a server that comes later finds nothing to take over' told "$mark" mounted
  holds 'users of the device got I/O errors' wait_until 5 harmed loop
  holds 'a file that is open has lost its connection' contains "$(stats file)" error=ENOTCONN
  holds 'the loop device is dead for good, since its file is one of the dead mount' fails flows_soon loop
  holds 'the dead mount is still there, below the new one' equals "$(in_node grep -c fuse.probe /proc/self/mountinfo)" 2
  finish

  say 'The keeper holds the first descriptor, but not the clones'
  begin --first-only --delay-us=50000
  mark=$(event_count)
  in_node kill -KILL "$(process_of "$(pod_of server)")"
  hears "$mark" serving
  holds 'the next server takes over' told "$mark" fetched
  holds 'but what had been read through a clone was ended' wait_until 5 harmed_any
  finish
}
flows_soon() {
  local before
  before=$(done_of "$1")
  wait_until 3 moved_on "$1" "$before"
}
harmed_any() { harmed loop || harmed file; }

prove_variants() {
  local mark detached
  say 'FUSE_NOTIFY_RESEND instead of the memory file'
  begin '' --resend
  mark=$(event_count)
  forget_waits
  in_node kill -KILL "$(process_of "$(pod_of server)")"
  holds 'the next server asks for all again' hears "$mark" 'asked for all unanswered requests again'
  survived 'the container is killed' 3000
  finish

  say 'A mount that is in no namespace'
  begin '' --detached
  holds 'no mountinfo shows it' fails in_node grep fuse.probe /proc/self/mountinfo
  holds 'nor that of the pod' fails k exec "$(pod_of server)" -- /bin/busybox grep fuse.probe /proc/self/mountinfo
  mark=$(event_count)
  forget_waits
  in_node kill -KILL "$(process_of "$(pod_of server)")"
  hears "$mark" fetched
  survived 'the container is killed' 3000
  mark=$(event_count)
  version=2 apply_server 1 --detached
  hears "$mark" 'the mount is descriptor'
  pods_ready server
  survived 'the pod is replaced' 1000
  detached=$(attach_loop "$(mount_path)")
  holds 'the next pod opens files of it, by the descriptor that it was given' \
    equals "$(cat "/sys/block/${detached#/dev/}/loop/backing_file")" /volume
  "$work/probe" detach "$detached"
  finish
}
