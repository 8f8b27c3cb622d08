# shellcheck shell=bash
# What runs as pods on a new cluster: DNS and the resource metrics.

# Applied anew only when a manifest or an image changed.
apply_addons() {
  local inputs
  inputs=$(addons_inputs)
  [[ ! -s $state/addons.applied || $(<"$state/addons.applied") != "$inputs" ]] || return 0
  load_image "$coredns_image"
  load_image "$metrics_server_image"
  addons | kube apply --server-side --force-conflicts --field-manager="$name" -f - >/dev/null || return 1
  # A tag may have come to stand for another image: pods know images by their tags only.
  [[ ! -s $state/addons.applied ]] || kube -n kube-system rollout restart deployment/coredns deployment/metrics-server >/dev/null
  echo "$inputs" >"$state/addons.applied"
}

addons() {
  render "$here/manifests/coredns.yaml"
  echo ---
  render "$here/manifests/metrics-server.yaml"
}

addons_inputs() {
  { addons; echo "$binaries"; } | sha256sum | cut -c1-16
}

node_ready() {
  [[ $(kube get node "$node_name" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null) == True ]]
}

# Over the host's route and kube-proxy's rules to the pod.
dns_ready() { curl -fsS --max-time 2 "http://$dns_service:8181/ready" >/dev/null 2>&1; }

# That the API server holds it for available, and that it answers at this moment.
metrics_ready() {
  [[ $(kube get apiservice v1beta1.metrics.k8s.io -o 'jsonpath={.status.conditions[?(@.type=="Available")].status}' 2>/dev/null) == True ]] &&
    api /apis/metrics.k8s.io/v1beta1 >/dev/null 2>&1
}
