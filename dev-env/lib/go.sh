# shellcheck shell=bash disable=SC2154 # names of common.sh
# Sourced by build.sh: brings a Go into PATH that is new enough: the machine's, or the one that Debian's old Go fetches.

# A fetched module's programs are not executable; hence the copy.
find_go() {
  local have
  have=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || have=
  if [ -n "$have" ] && [ "$(printf '%s\n' "$GO_VERSION" "$have" | sort -V | head -n 1)" = "$GO_VERSION" ]; then return; fi
  local go=$cache/go-$GO_VERSION architecture=amd64
  [ "$(uname -m)" != aarch64 ] || architecture=arm64
  if [ ! -e "$go" ]; then
    command -v go >/dev/null || install_packages golang-go ca-certificates
    say "Go $GO_VERSION, fetched as a module by Go ${have:-of Debian}"
    local fetched
    fetched=$(cd / && GOFLAGS=-mod=mod GOMODCACHE="$cache/go.part/mod" \
      go mod download -json "golang.org/toolchain@v0.0.1-go$GO_VERSION.linux-$architecture" 2>/dev/null | sed -n 's/^.*"Dir": "\(.*\)".*/\1/p') || fetched=
    [ -n "$fetched" ] || fail "Go $GO_VERSION could not be fetched through the Go module proxy (GOPROXY=$(go env GOPROXY))"
    cp -r --no-preserve=mode "$fetched" "$cache/go.part/go"
    chmod -R a+x "$cache/go.part/go/bin" "$cache/go.part/go/pkg/tool"
    mv "$cache/go.part/go" "$go"
    chmod -R u+w "$cache/go.part"
    rm -rf "$cache/go.part"
  fi
  mark_used "$go"
  export PATH=$go/bin:$PATH
}
