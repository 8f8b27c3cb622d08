# shellcheck shell=bash
# What the demo and the installation have in common: the local cluster, and what to show when something is wrong.

release=throughput-operator
namespace=${DEMO_NAMESPACE:-pulp-perf}
cluster=$root/tests/cluster/cluster

say() { printf 'demo: %s\n' "$*" >&2; }

fail() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

# Only ever the local cluster, whatever the user is logged in to, with the programs that were built for it.
use_cluster() {
  local bin
  kubeconfig=$("$cluster" kubeconfig)
  bin=$("$cluster" bin)
  kubectl=$bin/kubectl
  helm=$bin/helm
}

kube() {
  KUBECONFIG='' "$kubectl" --kubeconfig "$kubeconfig" --cache-dir "$(dirname "$kubeconfig")/kubectl-cache" \
    --namespace "$namespace" --request-timeout=60s "$@"
}

# Without the user's own settings and plug-ins for Helm.
our_helm() {
  local home
  home=$(dirname "$kubeconfig")/helm
  env -u HELM_NAMESPACE -u HELM_KUBECONTEXT -u HELM_DRIVER HELM_CONFIG_HOME="$home" HELM_CACHE_HOME="$home" HELM_DATA_HOME="$home" \
    KUBECONFIG="$kubeconfig" "$helm" "$@"
}

# What a person would look at next.
explain() {
  {
    printf '\n--- pods\n'
    kube get pods --output wide
    printf '\n--- latest events\n'
    kube get events --sort-by=.lastTimestamp 2>/dev/null | tail -n 20
    printf '\n--- the operator said last\n'
    kube logs "deployment/$release" --tail=40 --all-containers
  } >&2 || true
}
