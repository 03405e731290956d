#!/bin/bash
# The recipe of one module: build-module.sh MODULE INTO, with Go in PATH. Builds the tools that the module's go.mod names, or
# its own programs; a single one is called as the module is. What a module was built from is this file and its own, so a
# change of one module builds no other. `record` in its folder tells how long it took and how much Go had in its cache.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
module=$1 into=$2 started=$SECONDS
cd "$dev_env/modules/$module"
mkdir -p "$into/bin"
export GOBIN=$into/bin CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-trimpath -buildvcs=false ${HOLDFAST_GOFLAGS:-}"
targets=(./...) ldflags='-s -w'
! grep -qE '^tool ' go.mod || targets=(tool)
if [ "$module" = kubernetes ]; then
  name=k8s.io/component-base/version
  ldflags+=" -X $name.gitVersion=v$KUBERNETES_VERSION -X $name.gitMajor=1 -X $name.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")"
fi
# -v names each package that Go compiles rather than takes from its cache.
if ! go install -v -ldflags "$ldflags" "${targets[@]}" 2>"$into/log"; then
  grep -v '^go: downloading' "$into/log" | tail -n 20 >&2
  fail "the module $module was not built"
fi
packages=$(go list -deps "${targets[@]}" | wc -l)
compiled=$(grep -vc '^go: ' "$into/log") || true
rm "$into/log"
programs=("$into"/bin/*)
[ ${#programs[@]} -gt 1 ] || [ "${programs[0]##*/}" = "$module" ] || mv "${programs[0]}" "$into/bin/$module"
printf 'seconds=%s compiled=%s packages=%s\n' $((SECONDS - started)) "$compiled" "$packages" >"$into/record"
