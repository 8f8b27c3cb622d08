# shellcheck shell=bash
# The image: its name says what went into it, so it is built only when that has changed.

image_inputs() {
  (cd "$here" && find Containerfile build-requirements.txt requirements.txt plugin image -type f \
    ! -path '*/__pycache__/*' ! -path '*.egg-info/*' ! -path 'plugin/build/*' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum)
}

image_name() {
  local tag
  tag=$({ echo "$base_image"; image_inputs; } | sha256sum)
  echo "localhost/throughput/pulp:${tag:0:12}"
}

build_image() {
  local image=$1 options
  if "$cluster" buildah inspect --type image "$image" >/dev/null 2>&1; then
    return
  fi
  "$cluster" base-images >&2
  say "building $image"
  mapfile -t options < <(pip_options)
  "$cluster" buildah bud --isolation chroot --layers "${options[@]}" \
    --build-arg BASE="$base_image" --file "$here/Containerfile" --tag "$image" "$here" >&2
}
