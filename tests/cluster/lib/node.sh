# shellcheck shell=bash
# The daemons of the node: in which order they start, with what, and how each shows that it serves.

daemons=(etcd containerd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)

# Writes the configuration files, from the templates in node/: @name@ stands for the setting of that name.
write_node_files() {
  local cni_bin
  cni_bin=$(cni_bin_dir)
  install -d -m 700 "$state"
  mkdir -p "$run" "$logs" "$state"/{cni/net.d,etcd,kubelet,containerd,kubelet/volume-plugins,pod-logs}
  chmod 700 "$state/etcd"
  render "$here/node/containerd.toml" | write_if_changed "$state/containerd.toml"
  render "$here/node/10-pods.conflist" | write_if_changed "$state/cni/net.d/10-pods.conflist"
  render "$here/node/kubelet.yaml" | write_if_changed "$state/kubelet.yaml"
  render "$here/node/kube-proxy.yaml" | write_if_changed "$state/kube-proxy.yaml"
  # Pods that ask for the node's own resolver get none: nothing outside is reachable anyway.
  write_if_changed "$state/resolv.conf" </dev/null
}

# kube-proxy ends itself as soon as its file is written to, be it with the same content.
write_if_changed() {
  local text
  text=$(cat; echo .)
  [[ -e $1 && $(cat "$1"; echo .) == "$text" ]] || printf %s "${text%.}" >"$1"
}

render() {
  local text variable
  text=$(<"$1")
  while [[ $text =~ @([a-z_]+)@ ]]; do
    variable=${BASH_REMATCH[1]}
    text=${text//"@$variable@"/${!variable}}
  done
  printf '%s\n' "$text"
}

# describe_daemon NAME: sets command, and inputs: the files whose change asks for a new start.
# shellcheck disable=SC2034  # both are read by daemons.sh
describe_daemon() {
  local bin=$binaries
  # shellcheck disable=SC2054  # commas within values
  inputs=()
  case $1 in
  etcd)
    # Without fsync: the data of a test cluster need not outlive a power cut, and a laptop's disk is spared.
    command=(etcd --name "$node_name" --data-dir "$state/etcd" --unsafe-no-fsync --logger zap --log-level warn
      --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379
      --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380
      --initial-cluster "$node_name=http://127.0.0.1:2380")
    ;;
  containerd)
    command=(containerd --config "$state/containerd.toml")
    inputs=("$state/containerd.toml")
    ;;
  containerd-sweep) command=(containerd --config "$state/containerd-sweep.toml") ;;
  kube-apiserver)
    # Bound to the node's end of the link: only the host and what is inside the namespace have a route to it.
    command=("$bin/kube-apiserver" --bind-address="$node_address" --advertise-address="$node_address" --secure-port=6443
      --etcd-servers=http://127.0.0.1:2379 --service-cluster-ip-range="$service_range" --allow-privileged
      --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction
      --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key"
      --service-account-key-file="$pki/service-account.pub" --service-account-signing-key-file="$pki/service-account.key"
      --service-account-issuer=https://kubernetes.default.svc.cluster.local
      --kubelet-certificate-authority="$pki/ca.crt" --kubelet-client-certificate="$pki/apiserver-kubelet-client.crt"
      --kubelet-client-key="$pki/apiserver-kubelet-client.key" --kubelet-preferred-address-types=InternalIP
      --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client
      --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
      --requestheader-extra-headers-prefix=X-Remote-Extra-
      --proxy-client-cert-file="$pki/front-proxy-client.crt" --proxy-client-key-file="$pki/front-proxy-client.key")
    inputs=("$pki/apiserver.crt")
    ;;
  kube-controller-manager)
    command=("$bin/kube-controller-manager" --kubeconfig="$state/controller-manager.kubeconfig" --leader-elect=false
      --authentication-kubeconfig="$state/controller-manager.kubeconfig"
      --authorization-kubeconfig="$state/controller-manager.kubeconfig" --bind-address=127.0.0.1
      --use-service-account-credentials --service-account-private-key-file="$pki/service-account.key"
      --root-ca-file="$pki/ca.crt" --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key")
    inputs=("$state/controller-manager.kubeconfig")
    ;;
  kube-scheduler)
    command=("$bin/kube-scheduler" --kubeconfig="$state/scheduler.kubeconfig" --leader-elect=false
      --authentication-kubeconfig="$state/scheduler.kubeconfig"
      --authorization-kubeconfig="$state/scheduler.kubeconfig" --bind-address=127.0.0.1)
    inputs=("$state/scheduler.kubeconfig")
    ;;
  kubelet)
    command=("$bin/kubelet" --config="$state/kubelet.yaml" --kubeconfig="$state/kubelet.kubeconfig"
      --hostname-override="$node_name" --node-ip="$node_address" --root-dir="$state/kubelet" --cert-dir="$pki")
    inputs=("$state/kubelet.yaml" "$state/kubelet.kubeconfig")
    ;;
  kube-proxy)
    command=("$bin/kube-proxy" --config="$state/kube-proxy.yaml")
    inputs=("$state/kube-proxy.yaml" "$state/kube-proxy.kubeconfig")
    ;;
  esac
}

daemon_serves() {
  case $1 in
  etcd) on_node curl -fsS --max-time 2 http://127.0.0.1:2379/health ;;
  containerd) node_ctr version ;;
  kube-apiserver) api /readyz ;;
  kube-controller-manager) on_node curl -fsSk --max-time 2 https://127.0.0.1:10257/healthz ;;
  kube-scheduler) on_node curl -fsSk --max-time 2 https://127.0.0.1:10259/readyz ;;
  kubelet) on_node curl -fsS --max-time 2 http://127.0.0.1:10248/healthz ;;
  kube-proxy) on_node curl -fsS --max-time 2 http://127.0.0.1:10256/livez ;;
  esac >/dev/null 2>&1
}

node_ctr() { ctr --address "$containerd_socket" --namespace k8s.io "$@"; }

# api PATH: asks the API server as the administrator, and prints its answer.
api() {
  curl -fsS --max-time 5 --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" "$apiserver_url$1"
}

# kubectl with nothing of the user's: neither kubeconfig nor cache.
kube() {
  KUBECONFIG='' "$binaries/kubectl" --kubeconfig="$kubeconfig" --cache-dir="$state/kubectl-cache" "$@"
}
