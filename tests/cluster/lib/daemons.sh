# shellcheck shell=bash
# Starting the node's daemons and knowing them again. A record in $run tells of each: process id, its start time, the
# boot it belongs to, and a hash of what it was started with. All must match before a process is taken for ours.

boot=$(</proc/sys/kernel/random/boot_id)

# Field 22 of /proc/PID/stat, counted after the name, which may itself hold blanks and parentheses.
start_time() {
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} != Z ]] && echo "${fields[19]}"
}

# Sets pid, and succeeds when the daemon lives.
daemon_alive() {
  local started record_boot spec program
  pid=-
  [[ -s $run/$1 ]] || return 1
  read -r pid started record_boot spec program <"$run/$1"
  [[ $record_boot == "$boot" && $(start_time "$pid") == "$started" ]] || { pid=-; return 1; }
  # The start time has a hundredth of a second's grain: the program must be the one we started too.
  [[ $(readlink "/proc/$pid/exe") == "$program"* ]] || { pid=-; return 1; }
}

# Whether the daemon lives and would be started in the same way now.
daemon_current() {
  local command inputs spec
  daemon_alive "$1" || return 1
  read -r _ _ _ spec _ <"$run/$1"
  describe_daemon "$1"
  [[ $spec == "$(daemon_spec)" ]]
}

daemon_spec() {
  { printf '%s\n' "${command[@]}"; ((${#inputs[@]} == 0)) || cat "${inputs[@]}"; } | sha256sum | cut -c1-16
}

start_daemon() {
  local daemon=$1 command inputs program
  describe_daemon "$daemon"
  program=$(readlink -f "$(command -v "${command[0]}")")
  kill_strays "${command[0]}"
  [[ ! -e $logs/$daemon.log ]] || mv -f "$logs/$daemon.log" "$logs/$daemon.log.1"
  (
    cgroup_join
    # Locks, and pipes of whoever called, would otherwise stay open for as long as the daemon lives.
    local fd
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      ((fd <= 2)) || exec {fd}>&-
    done
    cd /
    exec setsid nsenter --net="$netns" "${command[@]}"
  ) </dev/null >"$logs/$daemon.log" 2>&1 &
  pid=$!
  # The record is complete only once the process has become the program.
  until_true 10 "$daemon" has_become "$pid" "$program" ||
    fail "$daemon did not start: $(tail -n 5 "$logs/$daemon.log")"
  printf '%s %s %s %s %s\n' "$pid" "$(start_time "$pid")" "$boot" "$(daemon_spec)" "$program" >"$run/$daemon.making"
  mv "$run/$daemon.making" "$run/$daemon"
}

# A command that was itself killed may have left a daemon without a record. Its cgroup says that it is ours.
kill_strays() {
  local stray argument
  for stray in $(cgroup_processes node); do
    IFS= read -r -d '' argument <"/proc/$stray/cmdline" 2>/dev/null || continue
    [[ ${argument##*/} != "${1##*/}" ]] || kill -KILL "$stray" 2>/dev/null || true
  done
}

has_become() { [[ $(readlink "/proc/$1/exe") == "$2" ]]; }

# stop_daemon NAME: asks, and after ten seconds insists.
stop_daemon() {
  local daemon=$1 pid attempt
  for attempt in {1..100}; do
    daemon_alive "$daemon" || { rm -f "$run/$daemon"; return 0; }
    ((attempt > 1)) || kill -TERM "$pid" 2>/dev/null || true
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$run/$daemon"
}
