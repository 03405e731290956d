# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced: which folders of the cache are in use, and the end of those that were not for a week. A cluster holds a shared lock
# on its build for as long as its first process lives; modules are read only under the lock of builds, which pruning holds.
unused_limit_days=7

mark_used() { touch "$1/used"; }
mark_build_used() { # BUILD: and the modules that it is made of
  local module
  mark_used "$1"
  while read -r module; do touch --no-create "$cache/modules/$module/used"; done <"$1/modules"
}

# hold_build BUILD: until this process and all that inherit the descriptor have ended. Fails if there is none.
hold_build() {
  while [ -e "$1" ]; do
    exec {build_fd}<"$1"
    flock --shared "$build_fd"
    # Pruned between the look and the lock: what is held is not what the path leads to.
    if [ "$1" -ef "/proc/self/fd/$build_fd" ]; then
      mark_build_used "$1"
      return 0
    fi
    exec {build_fd}<&-
  done
  return 1
}

prune_cache() { # BUILD-TO-KEEP
  local used folder pruned=0
  while read -r used; do
    folder=${used%/used}
    if [ "$folder" != "$1" ] && flock --nonblock "$folder" mv "$folder" "$folder.part"; then
      rm -rf "$folder.part"
      pruned=$((pruned + 1))
    fi
  done < <(find "$cache" -mindepth 2 -maxdepth 3 -name used -mtime "+$((unused_limit_days - 1))")
  [ "$pruned" = 0 ] || say "removed $pruned builds from the cache that were not used for $unused_limit_days days"
}
