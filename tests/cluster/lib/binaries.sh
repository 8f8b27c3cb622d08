# shellcheck shell=bash
# The programs built from Go modules, kept in a folder named after a hash of what they are made from: another clone, or
# CI, finds them there, and another version goes to another folder.

# One line a part: package, name of the binary.
binary_parts=(
  './pause pause'
  './kubernetes kubernetes'
  './coredns coredns'
  './metrics-server metrics-server'
  'helm.sh/helm/v4/cmd/helm helm'
)
# What the one binary of the node also answers to.
kubernetes_names=(kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl)

version_flags() {
  local version=v$kubernetes_version minor=${kubernetes_version#*.} package
  case $1 in
  kubernetes)
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
      printf -- '-X %s.gitVersion=%s -X %s.gitMajor=%s -X %s.gitMinor=%s ' \
        "$package" "$version" "$package" "${kubernetes_version%%.*}" "$package" "${minor%%.*}"
    done
    ;;
  metrics-server)
    for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
      printf -- '-X %s.gitVersion=v%s ' "$package" "$metrics_server_version"
    done
    ;;
  helm) printf -- '-X helm.sh/helm/v4/internal/version.version=v%s' "$helm_version" ;;
  esac
}

# The folder of the binaries that this checkout asks for.
binaries_dir() {
  local key
  key=$(
    cd "$here/binaries" || exit
    { uname -m; printf '%s\n' "${binary_parts[@]}" "${kubernetes_names[@]}"
      for part in "${binary_parts[@]}"; do version_flags "${part##* }"; done
      find . -type f | LC_ALL=C sort | xargs sha256sum; } | sha256sum | cut -c1-16
  )
  echo "$cache/binaries/$key"
}

binaries_complete() {
  local part name
  for part in "${binary_parts[@]}"; do [[ -x $1/${part##* } ]] || return 1; done
  for name in "${kubernetes_names[@]}"; do [[ -x $1/$name ]] || return 1; done
}

# Builds what is missing. A part is built beside its place and then renamed, so that what is there is whole.
build_binaries() {
  local dir part package binary name number=0
  dir=$(binaries_dir)
  binaries_complete "$dir" && return
  require_go
  mkdir -p "$dir"
  rm -rf "$dir"/.building.*
  for part in "${binary_parts[@]}"; do
    read -r package binary <<<"$part"
    number=$((number + 1))
    [[ -x $dir/$binary ]] && continue
    build_part "$dir" "$package" "$binary" "building $binary, part $number/${#binary_parts[@]}" ||
      fail "$binary could not be built: see the lines above"
  done
  for name in "${kubernetes_names[@]}"; do ln -sfn kubernetes "$dir/$name"; done
}

# What only debuggers read is left out: not made (a seventh of the compiler's time), and not linked.
build_part() {
  local dir=$1 package=$2 binary=$3 what=$4 building=$1/.building.$$
  with_ticks "$what" env -C "$here/binaries" CGO_ENABLED=0 GOFLAGS=-mod=readonly GOWORK=off \
    nice -n 5 go build -trimpath -buildvcs=false -gcflags=all=-dwarf=false -ldflags "-s -w $(version_flags "$binary")" -o "$building" "$package" || return 1
  mv "$building" "$dir/$binary"
}

require_go() {
  local needed have
  needed=$(awk '$1 == "go" { print $2 }' "$here/binaries/go.mod")
  command -v go >/dev/null || fail "Go is missing: install Go $needed or newer and put it on the PATH"
  # GOTOOLCHAIN=local may forbid fetching the toolchain that go.mod asks for: then go says its own version here.
  have=$(env -C "$here/binaries" go env GOVERSION)
  have=${have#go}
  [[ $(printf '%s\n' "$needed" "$have" | sort -V | tail -n 1) == "$have" ]] ||
    fail "Go $needed or newer is needed, $(command -v go) is $have: install a newer one and put it first on the PATH"
}

# binaries_into DIR: makes DIR hold all programs by their usual names, as links.
binaries_into() {
  local dir file
  dir=$(binaries_dir)
  mkdir -p "$1"
  for file in "$dir"/*; do ln -sfn "$file" "$1/${file##*/}"; done
  ln -sfn "$(command -v etcd)" "$1/etcd"
}
