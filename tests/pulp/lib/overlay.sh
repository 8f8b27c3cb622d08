# shellcheck shell=bash
# The parameters, laid over manifests/ with kustomize.

# render IMAGE: the manifests of this installation, on stdout.
render() {
  local image=$1 overlay checksum
  overlay=$(mktemp -d)
  checksum=$({ parameters; cat "$here/manifests/settings.yaml"; } | sha256sum)
  cat >"$overlay/kustomization.yaml" <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: $namespace
resources:
  - $(realpath --relative-to="$overlay" "$here/manifests")
images:
  - {name: pulp, newName: "${image%:*}", newTag: "${image##*:}"}
replicas:
  - {name: pulp-worker, count: $workers}
patches:
  - patch: |
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: pulp-parameters}
      data:
$(parameters | sed 's/^/        /')
  # Pods read their settings when they start, so they have to start again when these change.
  - target: {kind: Deployment, name: pulp-.*}
    patch: |
      - op: add
        path: /spec/template/metadata/annotations
        value: {perf.pulpproject.org/settings-checksum: "${checksum:0:12}"}
  - target: {kind: Deployment, name: pulp-api}
    patch: |
      - op: replace
        path: /spec/template/spec/containers/0/startupProbe/httpGet/path
        value: ${api_root}api/v3/livez/
YAML
  kubectl kustomize "$overlay"
  rm -r "$overlay"
}

parameters() {
  cat <<YAML
API_WORKERS: "$api_workers"
PULP_API_ROOT: "$api_root"
PULP_DOMAIN_ENABLED: "$domains"
PULP_TEST_TASK_INGESTION: "$test_tasks"
PULP_WORKER_TYPE: "$worker_type"
YAML
}
