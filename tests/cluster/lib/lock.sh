# shellcheck shell=bash
# One lock per thing that must not be made twice at once. A lock is an flock on an open file, so that it ends with the
# process however that ends; daemons close it before they start (daemons.sh), or it would stay held as long as they live.

# with_lock NAME SECONDS COMMAND...: waits up to SECONDS for the lock, then runs the command under it.
with_lock() {
  local lock=$1 seconds=$2 file=$cache/locks/$1 fd
  shift 2
  mkdir -p "$cache/locks"
  exec {fd}>"$file"
  if ! flock --nonblock "$fd"; then
    say "another command holds the lock on the $lock: waiting up to $seconds s"
    flock --wait "$seconds" "$fd" || fail "the lock on the $lock ($file) was not free after $seconds s; see who holds it with: fuser -v $file"
  fi
  "$@"
  exec {fd}>&-
}
