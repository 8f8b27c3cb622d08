# shellcheck shell=bash
# Messages for people go to standard error, so that standard output holds only what a command was asked for.

say() { printf 'cluster: %s\n' "$*" >&2; }

fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

# until_true SECONDS WHAT COMMAND...: tries the command every quarter of a second; fails with WHAT when time is up.
until_true() {
  local seconds=$1 what=$2 start=$SECONDS told=$SECONDS
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS - start < seconds)) || { say "no $what after $seconds s"; return 1; }
    if ((SECONDS - told >= 10)); then
      say "waiting for $what ($((SECONDS - start)) s)"
      told=$SECONDS
    fi
    sleep 0.25
  done
}

# with_ticks WHAT COMMAND...: runs a long command whose own output goes to a file, saying every ten seconds that it is
# still at work. The file is shown when the command fails.
with_ticks() {
  local what=$1 start=$SECONDS told=$SECONDS output job status=0
  shift
  output=$(mktemp)
  "$@" >"$output" 2>&1 &
  job=$!
  # A job in the background does not hear of an interrupt by itself.
  # shellcheck disable=SC2064  # the id of now
  trap "kill $job 2>/dev/null; exit 130" INT TERM
  while kill -0 "$job" 2>/dev/null; do
    sleep 0.5
    if ((SECONDS - told >= 10)); then
      say "$what: $((SECONDS - start)) s"
      told=$SECONDS
    fi
  done
  wait "$job" || status=$?
  trap - INT TERM
  if ((status)); then
    tail -n 40 "$output" >&2
    say "$what: failed after $((SECONDS - start)) s"
  else
    say "$what: done in $((SECONDS - start)) s"
  fi
  rm -f "$output"
  return "$status"
}
