# shellcheck shell=bash
# Commands that are begun ahead of their turn, so that they are at work while others wait for the network or the disk.

declare -A ahead_jobs ahead_logs

# ahead NAME COMMAND...: begins a command; what it says goes to a file.
ahead() {
  local name=$1
  shift
  trap end_ahead EXIT
  ahead_logs[$name]=$(mktemp)
  # A session of its own, so that all that it starts can be ended with it.
  setsid "$@" </dev/null >"${ahead_logs[$name]}" 2>&1 &
  ahead_jobs[$name]=$!
}

# arrived NAME: waits for that command, and shows now and then what it says; all of the end when it fails.
arrived() {
  local job=${ahead_jobs[$1]} log=${ahead_logs[$1]} told=$SECONDS status=0
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.5
    ((SECONDS - told >= 10)) || continue
    tail -n 1 "$log"
    told=$SECONDS
  done
  wait "$job" || status=$?
  unset "ahead_jobs[$1]"
  ((status == 0)) || tail -n 40 "$log" >&2
  return "$status"
}

# However the demo ends, nothing of it stays at work.
end_ahead() {
  local job
  for job in "${ahead_jobs[@]}"; do kill -- "-$job" 2>/dev/null || true; done
  rm -f "${ahead_logs[@]}"
}
