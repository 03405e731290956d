# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced: the folders of the cache, each named by what it was built from, which of them are in use, and the end of those that
# were not for a week. A cluster holds a shared lock on its build for as long as its first process lives; modules are read only
# under the lock of builds, which pruning holds.
unused_limit_days=7

# module_id NAME: a module's folder in the cache; a change of what it is built from is another folder.
module_id() {
  printf '%s-' "$1"
  (
    cd "$dev_env/modules/$1" || exit
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
