# shellcheck shell=bash
# The local cluster's own kubectl and kubeconfig, always: never whatever the user is logged in to.
kubectl() { "$("$cluster" bin)/kubectl" --kubeconfig "$kubeconfig" --request-timeout=60s "$@"; }
in_ns() { kubectl --namespace "$namespace" "$@"; }

apply() { in_ns apply --server-side --field-manager=pulp-tests --force-conflicts "$@" >&2; }

exists() { in_ns get "$@" >/dev/null 2>&1; }

# wait_until SECONDS WHAT COMMAND…: until the command succeeds, or explains why it did not.
wait_until() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  # The API server may be away for a moment: what it says then is told only if it stays away.
  until "$@" 2>/dev/null; do
    if ((SECONDS >= deadline)); then
      explain
      die "gave up after $seconds s waiting for: $what"
    fi
    sleep 1
  done
}

# What a person would look at next.
explain() {
  {
    in_ns get pods --output wide
    echo '--- events'
    in_ns get events --sort-by=.lastTimestamp | tail -n 20
    local pod
    for pod in $(in_ns get pods --output name); do
      [[ $(in_ns get "$pod" --output jsonpath='{.status.conditions[?(@.type=="Ready")].status}') == True ]] && continue
      echo "--- $pod"
      in_ns logs "$pod" --tail=20 --all-containers --prefix || true
    done
  } >&2
}
