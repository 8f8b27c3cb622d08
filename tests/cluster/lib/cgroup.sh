# shellcheck shell=bash
# A cgroup of our own holds every process of the cluster: daemons, shims and pods. Membership is what tells a process
# that we started from any other, without doubt even where process ids have been used again since.

# The hierarchies: the one of version 2, or each of version 1, or both kinds at once.
cgroup_hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts; }

cgroup_up() {
  local hierarchy dir file
  for hierarchy in $(cgroup_hierarchies); do
    for dir in "$hierarchy/$name" "$hierarchy/$name/node"; do
      mkdir -p "$dir"
      # Version 1: a cpuset takes no process before it has been given what its parent has.
      for file in cpuset.cpus cpuset.mems; do
        [[ -e $hierarchy/cgroup.controllers || ! -e $dir/$file || -s $dir/$file && $(<"$dir/$file") ]] ||
          cat "${dir%/*}/$file" >"$dir/$file"
      done
    done
    # Version 2: controllers are handed down one level at a time.
    if [[ -e $hierarchy/cgroup.controllers ]]; then
      for dir in "$hierarchy" "$hierarchy/$name"; do
        for file in $(<"$dir/cgroup.controllers"); do
          echo "+$file" >"$dir/cgroup.subtree_control" 2>/dev/null || true
        done
      done
    fi
  done
}

# Moves the calling shell, and so what it will execute, into the cgroup of the daemons.
cgroup_join() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    echo "$BASHPID" >"$hierarchy/$name/node/cgroup.procs"
  done
}

# cgroup_processes PART: the ids of all processes in a part of our cgroup; . is all of it.
cgroup_processes() {
  local hierarchy part=$1
  for hierarchy in $(cgroup_hierarchies); do
    [[ -d $hierarchy/$name/$part ]] || continue
    find "$hierarchy/$name/$part" -name cgroup.procs -exec cat {} + 2>/dev/null || true
  done | sort -un | grep -vx 0 || true
}

cgroup_kill() {
  local processes attempt
  for attempt in {1..100}; do
    processes=$(cgroup_processes .)
    [[ $processes ]] || return 0
    # shellcheck disable=SC2086  # one id a word
    kill -KILL $processes 2>/dev/null || true
    sleep 0.1
  done
  say "still alive $((attempt / 10)) s after they were killed: $(cgroup_processes . | tr '\n' ' ')"
  return 1
}

cgroup_down() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    [[ -d $hierarchy/$name ]] || continue
    find "$hierarchy/$name" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [[ ! -d $hierarchy/$name ]] || say "the cgroup $hierarchy/$name could not be removed"
  done
}
