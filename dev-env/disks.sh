#!/bin/bash
# Loopback disks for a cluster: sparse files with direct I/O under /dev/holdfast/CLUSTER/disk0, disk1, …; every node sees
# them, as nodes see the LUNs of a SAN. Used by cluster.sh and by the kind configuration alike.
#   disks.sh create [COUNT [SIZE]]   (default 2 of 4G)
#   disks.sh remove
#   disks.sh list
. "$(dirname "$0")/lib/common.sh"
room_limit_mib=1024

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
backing() {
  local device inode
  read -r device inode < <(losetup --noheadings --output BACK-MAJ:MIN,BACK-INO "$1" 2>/dev/null) && printf '%s %s' "$device" "$inode"
}
file_identity() { printf '%s %s' "$(mountpoint --fs-devno "$(df --output=target "$1" | tail -n 1)")" "$(stat -c %i "$1")"; }
attached() { [ -e "/sys/block/${1#/dev/}/loop/backing_file" ]; }
detached() { ! attached "$1"; }

# known NAME: the device of a recorded disk, if it is still backed by that disk's file.
known() {
  local device
  read -r device _ <"$disks/$1.made" || return 1
  [ -e "$disks/$1.img" ] && attached "$device" && [ "$(backing "$device")" = "$(file_identity "$disks/$1.img")" ] &&
    printf '%s\n' "$device"
}

create_disk() { # NAME SIZE
  local file=$disks/$1.img device before
  truncate --size "$2" "$file" 2>/dev/null || fail "no sparse file of $2 could be made in $disks"
  before=" $(cd /sys/block && echo loop*) "
  device=$(losetup --find --show --direct-io=on "$file" 2>&1) || fail "no loop device for $1: $device"
  # Whether the kernel had the device already, or made it for this: then it goes away again.
  printf '%s %s\n' "$device" "$([[ $before == *" ${device#/dev/} "* ]] && echo had || echo made)" >"$disks/$1.made"
  [ "$(cat "/sys/block/${device#/dev/}/loop/dio")" = 1 ] || fail "the file system of $disks does no direct I/O; HOLDFAST_DEV_ENV names another folder"
  ln -s "$device" "$disk_links/$1"
}

create() { # [COUNT [SIZE]]
  local count=${1:-2} size=${2:-4G} number free
  need_root 'a loop device'
  [[ $count =~ ^[1-9][0-9]?$ ]] || fail "$count disks: 1 to 99 can be made"
  losetup --find >/dev/null 2>&1 ||
    fail 'no loop device is to be had; the kernel needs CONFIG_BLK_DEV_LOOP, and a container --privileged with the host'\''s /dev'
  [ ! -e "$disk_links" ] || fail "$disk_links exists; remove the disks first (CLUSTER=$cluster $0 remove)"
  mkdir -p "$disks" "$disk_links"
  free=$(($(df --output=avail -k "$disks" | tail -n 1) / 1024))
  [ "$free" -ge "$room_limit_mib" ] || fail "$disks has $free MiB free; disks need $room_limit_mib (HOLDFAST_DEV_ENV names another folder)"
  for number in $(seq 0 $((count - 1))); do create_disk "disk$number" "$size"; done
}

remove_disk() { # NAME
  local device origin
  read -r device origin <"$disks/$1.made"
  if known "$1" >/dev/null; then
    losetup --detach "$device"
    # An open device is detached only when its last user closes it.
    wait_until 5 detached "$device" || fail "$1 ($device) is still open: $(holders "$device"); it goes when that ends, then remove again"
    # LOOP_CTL_REMOVE, for which util-linux of Debian 12 has no command; refused by the kernel if somebody took the device.
    [ "$origin" = had ] || perl -e 'open(my $f, "+<", "/dev/loop-control") and ioctl($f, 0x4C81, int($ARGV[0]))' "${device#/dev/loop}" || true
  fi
  [ "$(readlink "$disk_links/$1" 2>/dev/null)" != "$device" ] || rm "$disk_links/$1"
  rm -f "$disks/$1.img" "$disks/$1.made"
}
holders() {
  local mounts
  mounts=$(grep -lsE "^[^ ]+ [^ ]+ $(cat "/sys/block/${1#/dev/}/dev") " /proc/[0-9]*/mountinfo | cut -d/ -f3 | sed -n 1,3p | tr '\n' ' ') || mounts=
  printf '%s' "${mounts:+mounted in the namespace of process ${mounts% }}"
  [ -n "$mounts" ] || printf 'by a process that has it open'
}

remove() {
  local made
  need_root 'a loop device'
  for made in "$disks"/*.made; do
    [ -e "$made" ] || continue
    made=${made##*/}
    remove_disk "${made%.made}"
  done
  rm -rf "$disks"
  rmdir "$disk_links" /dev/holdfast "$base/$cluster" "$base" 2>/dev/null || true
}

list() {
  local made name device
  for made in "$disks"/*.made; do
    [ -e "$made" ] || continue
    name=${made##*/} name=${name%.made}
    device=$(known "$name") || device='not attached'
    printf '  %-24s %s, %s of %s used\n' "$disk_links/$name" "$device" "$(du -h "$disks/$name.img" | cut -f1)" \
      "$(du -h --apparent-size "$disks/$name.img" | cut -f1)"
  done
}

[ $# -ge 1 ] || usage
verb=$1
shift
case $verb in
  create | remove | list) "$verb" "$@" ;;
  *) usage ;;
esac
