# shellcheck shell=bash
# Bringing the cluster up, from whatever state it is in.

up() {
  require_programs "${node_programs[@]}"
  [[ $cache != *[[:space:]]* ]] || fail "the cache's path must hold no blanks: set THROUGHPUT_CACHE to another folder than $cache"
  ((${#state} <= 60)) || fail "the cache's path is too long for the sockets below it: set THROUGHPUT_CACHE to a shorter one than $cache"
  binaries=$(binaries_dir)
  binaries_complete "$binaries" || with_lock binaries 3600 build_binaries
  with_lock node 900 bring_up
  echo "$kubeconfig"
}

bring_up() {
  local start=$SECONDS
  if healthy; then
    say "the cluster is up"
    return
  fi
  with_lock images 1200 node_images
  if worth_mending; then
    say 'mending the cluster: what is dead is started again'
    if start_node && cluster_serves; then
      say "the cluster is up again after $((SECONDS - start)) s"
      return
    fi
    say 'that did not help: starting anew'
  fi
  start_anew
  start_node || fail "the node did not start: see the logs in $logs"
  cluster_serves || fail "the cluster did not come up: see '$here/cluster status' and the logs in $logs"
  say "the cluster is up after $((SECONDS - start)) s"
}

# Everything lives, was started as it would be now, and answers.
healthy() {
  local daemon
  pki_valid && network_present || return 1
  write_node_files
  for daemon in "${daemons[@]}"; do daemon_current "$daemon" || return 1; done
  [[ -s $state/addons.applied && $(<"$state/addons.applied") == "$(addons_inputs)" ]] &&
    api /readyz >/dev/null 2>&1 && dns_ready && node_ready && metrics_ready
}

# With the network and any one daemon alive, etcd's data is good and pods may still run: then only the dead are started.
# After a crash of everything it is quicker and surer to start with an empty etcd.
worth_mending() {
  local daemon
  [[ -d $state/etcd/member ]] && pki_valid && network_present || return 1
  for daemon in "${daemons[@]}"; do daemon_alive "$daemon" && return 0; done
  return 1
}

# Clears away what is left of an earlier cluster; keeps binaries, certificates, images and, beside the new, the old logs.
start_anew() {
  [[ ! -d $run ]] || say 'clearing away what is left of an earlier cluster'
  tear_down || fail "what is left of an earlier cluster could not be cleared away: see the lines above"
  install -d -m 700 "$state"
  make_pki
  make_kubeconfigs
  remember_kernel_settings
}

# Starts those daemons that do not live as they should, each after the one before it serves.
start_node() {
  local daemon pid
  write_node_files
  network_up
  cgroup_up
  for daemon in "${daemons[@]}"; do
    if ! daemon_current "$daemon"; then
      stop_daemon "$daemon"
      # The API server would wait up to a minute before it tries an etcd again that was away.
      [[ $daemon != etcd ]] || stop_daemon kube-apiserver
      [[ $daemon != containerd || -e $containerd_state/io.containerd.runtime.v2.task/k8s.io ]] || forget_containers
      say "starting $daemon"
      start_daemon "$daemon"
    fi
    until_true "$patience_seconds" "answer from $daemon" daemon_serves "$daemon" || {
      say "the last lines of $logs/$daemon.log:"
      tail -n 10 "$logs/$daemon.log" >&2
      return 1
    }
    [[ $daemon != containerd ]] || load_image "$pause_image"
  done
}

# containerd still lists the containers of a cluster that is gone, since its store is kept for the images' sake. A CRI
# plugin that reads them would try to bring them down one by one, so they are deleted before it sees them.
forget_containers() {
  local listed containers attempt
  [[ -e $containerd_root/io.containerd.metadata.v1.bolt/meta.db ]] || return 0
  { echo 'disabled_plugins = ["io.containerd.grpc.v1.cri"]'; cat "$state/containerd.toml"; } >"$state/containerd-sweep.toml"
  start_daemon containerd-sweep
  if until_true 20 'answer from containerd' node_ctr version; then
    for attempt in {1..3}; do
      listed=$(node_ctr containers ls -q) && mapfile -t containers < <(printf '%s' "$listed" | grep .)
      ((${#containers[@]})) || break
      node_ctr containers rm "${containers[@]}" >/dev/null 2>&1 || true
    done
    stop_daemon containerd-sweep
  else
    # A store that cannot be opened is worth less than the minute that it takes to fill another.
    say "containerd cannot open its store: starting with an empty one"
    stop_daemon containerd-sweep
    remove_tree "$containerd_root"
  fi
  rm -f "$containerd_socket" "$containerd_socket.ttrpc"
}

cluster_serves() {
  until_true "$patience_seconds" 'node that is Ready' node_ready &&
    apply_addons &&
    until_true "$patience_seconds" 'answer from CoreDNS' dns_ready &&
    until_true "$patience_seconds" 'answer from metrics-server' metrics_ready
}
