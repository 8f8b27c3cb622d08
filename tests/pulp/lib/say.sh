# shellcheck shell=bash
# Progress for people, on stderr, so that stdout keeps what a command answers.
say() { printf 'pulp: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}
