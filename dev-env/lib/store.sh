# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced: containerd's store with the images of the build already unpacked. A node gets it by hard links, which costs
# nothing: blobs and committed snapshots are never written again, only containerd's databases are, and they are copied.

# fill_store BUILD: imports the images once per build; of two clusters that start at once, one waits for the other.
fill_store() {
  [ -e "$1/store" ] || flock "$1/store.lock" "$dev_env/lib/unpack-store.sh" "$1"
}

# give_store BUILD FOLDER
give_store() {
  local database
  cp -al "$1/store" "$2" 2>/dev/null || { rm -rf "$2"; cp -a "$1/store" "$2"; }
  find "$2" -name '*.db' | while read -r database; do
    cp --remove-destination "$1/store/${database#"$2/"}" "$database"
  done
}
