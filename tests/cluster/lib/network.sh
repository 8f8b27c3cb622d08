# shellcheck shell=bash
# The node's network namespace and the one link between it and the host. Nothing is masqueraded and the node has no
# default route: what is not in 198.18.0.0/15 is unreachable at once, from the node and from every pod.

link=${name}0

on_node() { nsenter --net="$netns" "$@"; }

network_present() {
  # A file alone may be left from before a reboot: only a mounted one is a namespace.
  grep -q " $netns " /proc/self/mountinfo &&
    ip -4 -o address show dev "$link" 2>/dev/null | grep -q " $host_address/" &&
    on_node ip -4 -o address show dev eth0 2>/dev/null | grep -q " $node_address/"
}

network_up() {
  network_present && return
  local foreign
  foreign=$(ip -4 route show root 198.18.0.0/15 | grep -v "dev $link\b" | head -n 1) || true
  [[ -z $foreign ]] || fail "the host already has a route into 198.18.0.0/15 ($foreign): remove it, since the cluster's addresses lie there"
  if ! mountpoint -q /run/netns; then : >"$state/made-run-netns"; fi
  rm -f "$netns"
  ip netns add "$name"
  ip link add "$link" type veth peer name eth0 netns "$name"
  ip address add "$host_address/$link_prefix" dev "$link"
  ip link set "$link" up
  on_node ip link set lo up
  on_node ip address add "$node_address/$link_prefix" dev eth0
  on_node ip link set eth0 up
  # What the node itself sends to a Service needs a route before kube-proxy's rules get to see it.
  on_node ip route add "$service_range" via "$host_address"
  on_node sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  ip route replace "$pod_range" via "$node_address" dev "$link"
  ip route replace "$service_range" via "$node_address" dev "$link"
}

# Routes and the node's iptables rules go with the link and the namespace.
network_down() {
  ip link delete "$link" 2>/dev/null || true
  if [[ -e $netns ]]; then
    ip netns delete "$name" 2>/dev/null || { umount -l "$netns" 2>/dev/null || true; rm -f "$netns"; }
  fi
  # `ip` mounts this folder on itself for the first namespace on a machine, and leaves it so.
  if [[ -e $state/made-run-netns ]]; then
    rmdir /run/netns 2>/dev/null || [[ $(ls -A /run/netns) ]] || umount /run/netns 2>/dev/null || true
    rm -f "$state/made-run-netns"
  fi
}
