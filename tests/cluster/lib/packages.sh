# shellcheck shell=bash
# The programs that come from the distribution. Where one is missing and the machine has apt, its Debian package is
# installed; no service of such a package is started, now or at the next boot.

# program or file → Debian package. Programs are looked for first, so that a machine without apt works too.
declare -A package_of=(
  [etcd]=etcd-server [containerd]=containerd [ctr]=containerd [containerd-shim-runc-v2]=containerd [runc]=runc
  [iptables]=iptables [conntrack]=conntrack [ip]=iproute2 [nsenter]=util-linux [flock]=util-linux [setsid]=util-linux
  [openssl]=openssl [socat]=socat [mount]=mount [curl]=curl
  [jq]=jq
  [buildah]=buildah [mmdebstrap]=mmdebstrap
  [/usr/share/keyrings/debian-archive-keyring.gpg]=debian-archive-keyring
)
# (jq is for tests/pulp, which always comes with the cluster.)
node_programs=(etcd containerd ctr containerd-shim-runc-v2 runc iptables conntrack ip nsenter flock setsid openssl socat mount curl jq)
image_programs=(buildah mmdebstrap /usr/share/keyrings/debian-archive-keyring.gpg)
cni_plugins=(loopback ptp host-local portmap)

# Where distributions put the CNI plugins: Debian, then most others.
cni_bin_dir() {
  local dir plugin
  for dir in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do
    for plugin in "${cni_plugins[@]}"; do [[ -x $dir/$plugin ]] || continue 2; done
    echo "$dir"
    return
  done
  return 1
}

require_machine() {
  [[ $(uname -s) == Linux ]] || fail "a node needs Linux, this is $(uname -s): use a Linux machine or a virtual one"
  case $(uname -m) in
  x86_64 | aarch64) ;;
  *) fail "only amd64 and arm64 are supported, this is $(uname -m)" ;;
  esac
  ((EUID == 0)) || fail "a node needs root (namespaces, mounts, cgroups): run this as root, for example with: sudo -E $0 $*"
}

has_program() {
  if [[ $1 == /* ]]; then [[ -e $1 ]]; else command -v "$1" >/dev/null; fi
}

# require_programs PROGRAM...: installs the packages of those that are missing; fails naming what could not be had.
require_programs() {
  local missing packages
  look_for_programs "$@"
  # Another command may be installing the same at this moment: the demo has several at work.
  if ((${#missing[@]})); then with_lock packages 900 install_programs "$@"; fi
}

# look_for_programs PROGRAM...: sets missing, and packages to what provides it, both of the caller.
look_for_programs() {
  local program
  missing=() packages=()
  for program in "$@"; do
    has_program "$program" && continue
    missing+=("$program")
    packages+=("${package_of[$program]}")
  done
  if [[ " $* " == *" containerd "* ]] && ! cni_bin_dir >/dev/null; then
    missing+=("CNI plugins (${cni_plugins[*]})")
    packages+=(containernetworking-plugins)
  fi
}

install_programs() {
  local program missing packages
  look_for_programs "$@"
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null ||
    fail "missing: ${missing[*]}; there is no apt-get here, so install what provides them (in Debian: ${packages[*]}) and try again"
  install_packages "${packages[@]}"
  for program in "$@"; do
    has_program "$program" || fail "the package ${package_of[$program]} was installed but brought no $program: install it by hand and try again"
  done
}

install_packages() {
  local packages policy=/usr/sbin/policy-rc.d made_policy=
  mapfile -t packages < <(printf '%s\n' "$@" | sort -u)
  # Packages ask this file whether they may start their services; on a machine without one, the answer would be yes.
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=$policy
    # shellcheck disable=SC2064  # the value of now
    trap "rm -f '$made_policy'" EXIT
  fi
  say "installing Debian packages: ${packages[*]}"
  if ! apt_install "${packages[@]}"; then
    with_ticks 'apt-get update' apt-get update -q || true
    apt_install "${packages[@]}" ||
      fail "apt could not install ${packages[*]}: see the lines above, install them by hand and try again"
  fi
  if [[ $made_policy ]]; then
    rm -f "$made_policy"
    trap - EXIT
    # They would start at the next boot all the same. Only packages that were not there before come here.
    local package unit
    for package in "${packages[@]}"; do
      for unit in $(dpkg -L "$package" | sed -n 's|^/\(usr/\)\?lib/systemd/system/\([^/@]*\.service\)$|\2|p'); do
        systemctl disable --quiet "$unit" 2>/dev/null || true
      done
    done
  fi
}

apt_install() {
  with_ticks "apt-get install" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@"
}
