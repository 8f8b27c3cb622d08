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

# kill_container ID: ends all processes of a container at once, as a node that fails does. The kubelet starts it again, if
# its pod says so.
kill_container() {
  require_container_id kill-container "$@"
  node_ctr tasks kill --all --signal SIGKILL "$1"
}

# exhaust_memory ID: takes what memory a container has left, until the kernel ends the container's first process for it.
exhaust_memory() {
  local pid
  require_container_id exhaust-memory "$@"
  pid=$(node_ctr tasks ls | awk -v id="$1" '$1 == id {print $2}')
  [[ -n $pid ]] || fail "the container $1 does not run"
  # The kernel may end what takes the memory as well.
  timeout 30 python3 "$here/lib/exhaust-memory.py" "$(memory_group "$pid")" "$pid" || true
  until_true "$patience_seconds" 'end of the process' test ! -d "/proc/$pid" || fail "the kernel did not end the container $1"
}

# require_container_id COMMAND ID: fails unless it is one.
require_container_id() {
  [[ ${2:-} =~ ^[0-9a-f]{64}$ ]] || fail "$1 takes the id of a container, as its pod's status has it"
}

# memory_group PID: the folder of the control group that bounds a process's memory.
memory_group() {
  local group
  group=$(awk -F: '$2 == "memory" {print "/memory" $3}' "/proc/$1/cgroup")
  [[ -n $group ]] || group=$(awk -F: '$1 == "0" {print $3}' "/proc/$1/cgroup")
  echo "/sys/fs/cgroup$group"
}
