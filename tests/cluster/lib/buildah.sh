# shellcheck shell=bash
# buildah with a storage of our own below the cache: the machine's own images and containers are neither seen nor
# touched, and every checkout on the machine shares ours.

# Mounts and locks must not outlive a boot, images must: hence two places, the second named after the first.
buildah_run_root() { echo "/run/throughput-buildah-$(printf %s "$cache/buildah" | sha256sum | cut -c1-8)"; }

buildah_storage() {
  local root=$cache/buildah run_root driver
  run_root=$(buildah_run_root)
  mkdir -p "$root"
  if [[ ! -s $cache/buildah.driver ]]; then
    # overlay needs a file system below it that is no overlay itself; vfs copies whole trees, but works anywhere.
    driver=overlay
    command buildah --root "$root" --runroot "$run_root" --storage-driver overlay info >/dev/null 2>&1 || driver=vfs
    echo "$driver" >"$cache/buildah.driver"
  fi
  buildah_options=(--root "$root" --runroot "$run_root" --storage-driver "$(<"$cache/buildah.driver")")
}

# chroot isolation runs build steps without a container runtime, and so without a network of their own.
our_buildah() {
  [[ ${buildah_options+set} ]] || buildah_storage
  BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot} command buildah "${buildah_options[@]}" "$@"
}

# image_made_from IMAGE INPUTS: whether the image exists and carries these inputs as its label.
image_made_from() {
  local label
  label=$(our_buildah inspect --type image --format '{{index .OCIv1.Config.Labels "throughput.inputs"}}' "$1" 2>/dev/null) &&
    [[ $label == "$2" ]]
}
