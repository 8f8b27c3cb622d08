# shellcheck shell=bash
# What lives and what answers. Succeeds only when all does.

status() {
  local daemon pid ok=0
  binaries=$(binaries_dir)
  for daemon in "${daemons[@]}"; do
    if ! daemon_alive "$daemon"; then
      status_line "$daemon" - down
      ok=1
    elif ! daemon_serves "$daemon"; then
      status_line "$daemon" "$pid" 'does not answer'
      ok=1
    else
      status_line "$daemon" "$pid" up
    fi
  done
  status_check network network_present up || ok=1
  if [[ -s $kubeconfig && -x $binaries/kubectl ]]; then
    status_check "node $node_name" node_ready Ready || ok=1
    status_check coredns dns_ready Ready || ok=1
    status_check metrics-server metrics_ready Available || ok=1
    printf 'kubeconfig: %s\n' "$kubeconfig"
  else
    printf 'kubeconfig: none yet\n'
    ok=1
  fi
  return "$ok"
}

status_line() { printf '%-26s %-8s %s\n' "$@"; }

# status_check WHAT COMMAND GOOD
status_check() {
  if "$2"; then
    status_line "$1" - "$3"
  else
    status_line "$1" - "not $3"
    return 1
  fi
}
