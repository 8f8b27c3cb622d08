# shellcheck shell=bash
# Taking the cluster away, whether it runs, is half dead, or died with everything on the machine. There is one way for
# all of these: what `down` does is what `up` does first when it finds a wreck.

down() {
  tear_down || fail "not everything could be taken away: see the lines above"
  restore_kernel_settings
  rm -f "$state"/*.kubeconfig
  say 'the cluster is down'
}

tear_down() {
  local daemon pid leftovers=0
  # Whatever is in our cgroup is ours. A daemon that some other program moved elsewhere is still known by its record.
  cgroup_kill || leftovers=1
  for daemon in "${daemons[@]}" containerd-sweep; do
    ! daemon_alive "$daemon" || stop_daemon "$daemon"
  done
  remove_shim_sockets
  network_down
  unmount_below "$state" || leftovers=1
  unmount_below "$containerd_root" || leftovers=1
  cgroup_down
  ((leftovers == 0)) || return 1
  remove_host_traces
  clear_state
}

# containerd's shims listen outside its state folder, where other containerds' do too; each notes where.
remove_shim_sockets() {
  local address
  for address in "$containerd_state"/io.containerd.runtime.v2.task/*/*/address; do
    [[ -s $address ]] || continue
    address=$(<"$address")
    [[ $address != unix:///run/containerd/s/* ]] || rm -f "${address#unix://}"
  done
}

# Innermost first. One that is still held is detached: it goes when its last holder does.
unmount_below() {
  local mount attempt
  for attempt in {1..10}; do
    mapfile -t mounts < <(mounts_below "$1")
    ((${#mounts[@]})) || return 0
    for mount in "${mounts[@]}"; do
      umount "$mount" 2>/dev/null || umount --lazy "$mount" 2>/dev/null || true
    done
  done
  say "still mounted after $attempt attempts: ${mounts[*]}"
  return 1
}

mounts_below() {
  awk -v below="$1/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | LC_ALL=C sort -r
}

# A few paths cannot be set: there, the kubelet, containerd and CNI share folders with any others on the machine. Ours is
# removed by its name, and a folder only when nothing else is in it.
remove_host_traces() {
  local file
  for file in /var/log/containers/*; do
    [[ ! -L $file || $(readlink "$file") != "$state"/* ]] || rm -f "$file"
  done
  rm -f /var/lib/cni/results/"$name"-*
  # Curl's code for a refused connection: no other kubelet listens there.
  local socket=/var/lib/kubelet/device-plugins/kubelet.sock refused=0
  [[ ! -S $socket ]] || curl -s --max-time 1 --unix-socket "$socket" http://localhost/ >/dev/null || refused=$?
  ((refused != 7)) || rm -f "$socket"
  rmdir /var/log/containers /var/lib/cni/results /var/lib/cni /var/lib/kubelet/device-plugins /var/lib/kubelet \
    /run/containerd/s /run/containerd 2>/dev/null || true
}

# Certificates, kubeconfigs, logs and what is noted of the kernel's settings stay.
clear_state() {
  local entry
  [[ -d $state ]] || return 0
  for entry in "$state"/*; do
    case ${entry##*/} in
    pki | *.kubeconfig | logs | kernel-settings) ;;
    *) remove_tree "$entry" ;;
    esac
  done
}

# Never across a mount: below one may lie files that are not ours.
remove_tree() {
  [[ ! $(mounts_below "$1") ]] || fail "$1 still has mounts below it: $(mounts_below "$1" | tr '\n' ' ')"
  rm -rf --one-file-system "$1"
}

clean_cache() {
  daemon_any_alive && fail "the cluster is up: take it down first with: $here/cluster down"
  [[ -d $cache ]] || return 0
  tear_down || fail "what is left of an earlier cluster could not be cleared away: see the lines above"
  restore_kernel_settings
  local entry run_root
  run_root=$(buildah_run_root)
  unmount_below "$cache" && unmount_below "$run_root" || fail "the cache is still in use"
  remove_tree "$run_root"
  for entry in binaries buildah buildah.driver containerd cluster tmp locks; do remove_tree "$cache/$entry"; done
  rmdir "$cache" 2>/dev/null || true
  say "removed $cache"
}

daemon_any_alive() {
  local daemon pid
  for daemon in "${daemons[@]}"; do daemon_alive "$daemon" && return 0; done
  return 1
}
