# shellcheck shell=bash
# Disturbing the running cluster, for tests of what survives it. Only what this cluster itself started is touched.

# restart_daemon NAME: ends a daemon and starts it again as it was, and waits until it serves.
restart_daemon() {
  local daemon=${1:-} pid
  case $daemon in
  etcd | kube-apiserver) ;;
  *) fail "restart takes etcd or kube-apiserver, not '$daemon'" ;;
  esac
  daemon_alive "$daemon" || fail "$daemon does not run: bring the cluster up first with: $here/cluster up"
  binaries=$(binaries_dir)
  say "restarting $daemon"
  stop_daemon "$daemon"
  start_daemon "$daemon"
  # The API server serves only with its etcd.
  until_true "$patience_seconds" "answer from $daemon" daemon_serves "$daemon" &&
    until_true "$patience_seconds" 'answer from kube-apiserver' daemon_serves kube-apiserver ||
    fail "$daemon does not serve: see the logs in $logs"
  # Elsewhere it elects a leader, loses its lease with the API server, ends and is started again. One that lives on here
  # may have been refused while the API server did not know its rights yet, and collects no garbage from then on.
  stop_daemon kube-controller-manager
  start_daemon kube-controller-manager
  until_true "$patience_seconds" 'answer from kube-controller-manager' daemon_serves kube-controller-manager ||
    fail "kube-controller-manager does not serve: see the logs in $logs"
}

# kill_container ID: ends all processes of a container at once, as the kernel does when memory runs out. The kubelet
# starts it again, if its pod says so.
kill_container() {
  [[ ${1:-} =~ ^[0-9a-f]{64}$ ]] || fail "kill-container takes the id of a container, as its pod's status has it"
  node_ctr tasks kill --all --signal SIGKILL "$1"
}
