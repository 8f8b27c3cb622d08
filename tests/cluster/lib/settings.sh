# shellcheck shell=bash
# What everything else takes as given: names, addresses, versions and where files lie. Nothing here does anything.
# shellcheck disable=SC2034  # read by the other files

# The name that all traces of the cluster on the host carry: the network namespace, the veth, the cgroup. Another name
# with another cache gives a second cluster, but the addresses stay: it needs a host network namespace of its own.
name=${THROUGHPUT_CLUSTER_NAME:-throughput}
node_name=node1

kubernetes_version=1.35.4
coredns_version=1.14.3
metrics_server_version=0.8.0
helm_version=4.1.4

# 198.18.0.0/15 is reserved for benchmarks between devices (RFC 2544): no network that a machine really uses is hidden.
node_address=198.18.0.1
host_address=198.18.0.2
link_prefix=30
pod_range=198.18.64.0/18
service_range=198.19.0.0/16
apiserver_service=198.19.0.1
dns_service=198.19.0.10
apiserver_url=https://$node_address:6443

cache=${THROUGHPUT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/throughput-operator}
[[ $cache == /* ]] || cache=$PWD/$cache
state=$cache/cluster                # everything of the one cluster
containerd_root=$cache/containerd   # images and layers: kept over `down` and over a crash
pki=$state/pki
kubeconfig=$state/admin.kubeconfig
run=$state/run                      # one record per daemon: see daemons.sh
logs=$state/logs
containerd_state=$state/containerd
containerd_socket=$state/containerd.sock
netns=/run/netns/$name

# Longest wait for one condition. A busy two-core machine has taken a third of this.
patience_seconds=180
