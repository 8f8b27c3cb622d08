# shellcheck shell=bash
# The images of what the node itself runs, and the way of any image into the node.

pause_image=localhost/throughput/pause:$kubernetes_version
coredns_image=localhost/throughput/coredns:$coredns_version
metrics_server_image=localhost/throughput/metrics-server:$metrics_server_version

node_images() {
  require_programs buildah
  node_image "$pause_image" pause
  node_image "$coredns_image" coredns
  node_image "$metrics_server_image" metrics-server
}

# node_image IMAGE PROGRAM
node_image() {
  local inputs
  inputs=$({ sha256sum <"$here/images/$2.Containerfile"; sha256sum <"$binaries/$2"; } | sha256sum | cut -c1-16)
  image_made_from "$1" "$inputs" && return
  with_ticks "making $1" our_buildah bud --quiet --label "throughput.inputs=$inputs" --tag "$1" \
    --file "$here/images/$2.Containerfile" "$binaries"
}

# load_image IMAGE: brings an image from buildah's storage into the node, unless it is there already. What was brought
# is noted beside containerd's store: buildah's id of the image, and the digest that containerd gave it.
load_image() {
  local image=$1 id digest note
  id=$(our_buildah inspect --type image --format '{{.FromImageID}}' "$image" 2>/dev/null) ||
    fail "there is no image $image in buildah's storage: build it with: $here/cluster buildah bud --tag $image ..."
  note=$containerd_root/loaded/$(printf %s "$image" | sha256sum | cut -c1-32)
  digest=$(image_digest "$image")
  [[ ! -s $note || -z $digest || $(<"$note") != "$id $digest" ]] || return 0
  with_ticks "loading $image into the node" pipe_image "$image" || fail "$image could not be loaded: see the lines above"
  mkdir -p "$containerd_root/loaded"
  echo "$id $(image_digest "$image")" >"$note"
}

pipe_image() { our_buildah push --quiet "$1" "docker-archive:/dev/stdout:$1" | node_ctr images import -; }

image_digest() { node_ctr images ls "name==$1" | awk 'NR == 2 { print $3 }'; }

load_images() {
  local image
  binaries=$(binaries_dir)
  daemon_alive containerd || fail "the cluster is not up: start it with: $here/cluster up"
  for image in "$@"; do load_image "$image"; done
}
