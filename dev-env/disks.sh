#!/bin/bash
# Loopback disks for a cluster: sparse files with direct I/O under /dev/holdfast/CLUSTER/disk0, disk1, …; every node sees
# them, as nodes see the LUNs of a SAN. Used by cluster.sh and by the kind configuration alike.
#   disks.sh create [COUNT [SIZE]]   (default 2 of 4G)
#   disks.sh remove
#   disks.sh list
. "$(dirname "$0")/lib/common.sh"
room_limit_mib=1024

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
loop_devices() { (cd /sys/block && printf '/dev/%s\n' loop*); }
attached() { [ -e "/sys/block/${1#/dev/}/loop/backing_file" ]; }
detached() { ! attached "$1"; }

# device_of NAME: asked of the kernel, which knows a file by its inode, so no record can be missing or name what is not ours.
device_of() { losetup --associated "$disks/$1.img" --noheadings --output NAME 2>/dev/null | sed -n 1p; }

create_disk() { # NAME SIZE
  local file=$disks/$1.img device
  truncate --size "$2" "$file" 2>/dev/null || fail "no sparse file of $2 could be made in $disks"
  device=$(losetup --find --show --direct-io=on "$file" 2>&1) || fail "no loop device for $1: $device"
  [ "$(cat "/sys/block/${device#/dev/}/loop/dio")" = 1 ] ||
    fail "the file system of $disks does no direct I/O; HOLDFAST_DEV_ENV names another folder"
  ln -s "$device" "$disk_links/$1"
}

create() { # [COUNT [SIZE]]
  local count=${1:-2} size=${2:-4G} number free
  need_root 'a loop device'
  [[ $count =~ ^[1-9][0-9]?$ ]] || fail "$count disks: 1 to 99 can be made"
  losetup --find >/dev/null 2>&1 ||
    fail 'no loop device is to be had; the kernel needs CONFIG_BLK_DEV_LOOP, and a container --privileged with the host'\''s /dev'
  [ ! -e "$disk_links" ] || fail "$disk_links exists; remove the disks first (CLUSTER=$cluster $0 remove)"
  trap undo_create EXIT
  mkdir -p "$disks" "$disk_links"
  free=$(($(df --output=avail -k "$disks" | tail -n 1) / 1024))
  [ "$free" -ge "$room_limit_mib" ] || fail "$disks has $free MiB free; disks need $room_limit_mib (HOLDFAST_DEV_ENV names another folder)"
  # The kernel makes devices as they are asked for; those go away again with the disks.
  loop_devices >"$disks/devices-before"
  for number in $(seq 0 $((count - 1))); do create_disk "disk$number" "$size"; done
  touch "$disks/complete"
}

# LOOP_CTL_REMOVE, for which util-linux of Debian 12 has no command. The kernel refuses it while somebody
# has the device open; who took it for a file of his own keeps it.
forgotten() { # DEVICE
  [ ! -e "/sys/block/${1#/dev/}" ] || attached "$1" ||
    perl -e 'open(CONTROL, "+<", "/dev/loop-control") && ioctl(CONTROL, 0x4C81, int($ARGV[0])) or exit 1' "${1#/dev/loop}"
}
undo_create() { [ -e "$disks/complete" ] || remove; }

remove_disk() { # NAME
  local device
  device=$(device_of "$1")
  if [ -n "$device" ]; then
    losetup --detach "$device"
    # An open device is detached only when its last user closes it.
    wait_until 5 detached "$device" || fail "$1 ($device) is still open: $(holders "$device"); it goes when that ends, then remove again"
  fi
  device=${device:-$(readlink "$disk_links/$1")} || true
  [ -z "$device" ] || grep -qxF "$device" "$disks/devices-before" || wait_until 2 forgotten "$device" || true
  [ ! -L "$disk_links/$1" ] || rm "$disk_links/$1"
  rm -f "$disks/$1.img"
}
holders() {
  local mounts
  mounts=$(grep -lsE "^[^ ]+ [^ ]+ $(cat "/sys/block/${1#/dev/}/dev") " /proc/[0-9]*/mountinfo | cut -d/ -f3 | sed -n 1,3p | tr '\n' ' ') || mounts=
  printf '%s' "${mounts:+mounted in the namespace of process ${mounts% }}"
  [ -n "$mounts" ] || printf 'by a process that has it open'
}

remove() {
  local file
  need_root 'a loop device'
  for file in "$disks"/*.img; do
    [ -e "$file" ] || continue
    file=${file##*/}
    remove_disk "${file%.img}"
  done
  rm -rf "$disks"
  rmdir "$disk_links" /dev/holdfast "$base/$cluster" "$base" 2>/dev/null || true
}

list() {
  local file name device
  for file in "$disks"/*.img; do
    [ -e "$file" ] || continue
    name=${file##*/} name=${name%.img}
    device=$(device_of "$name")
    printf '  %-24s %s, %s of %s used\n' "$disk_links/$name" "${device:-not attached}" "$(du -h "$file" | cut -f1)" \
      "$(du -h --apparent-size "$file" | cut -f1)"
  done
}

[ $# -ge 1 ] || usage
verb=$1
shift
case $verb in
  create | remove | list) "$verb" "$@" ;;
  *) usage ;;
esac
