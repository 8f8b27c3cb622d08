# shellcheck shell=bash
# Two base images put together from Debian packages, since no image registry is needed that way. They are made once:
# again only when the function that collects one changes or the cache is removed.

debian_base=localhost/throughput/debian-base:bookworm
runtime_base=localhost/throughput/runtime-base:bookworm

base_images() {
  require_programs "${image_programs[@]}"
  mkdir -p "$cache/tmp"
  base_image "$runtime_base" runtime_base_tree
  base_image "$debian_base" debian_base_tree
}

# base_image IMAGE TREE: TREE is a function that writes a root file system to the tar file it is given.
base_image() {
  local image=$1 tree=$2 inputs container tar=$cache/tmp/$2.tar
  inputs=$(declare -f "$tree" | sha256sum | cut -c1-16)
  image_made_from "$image" "$inputs" && return
  rm -f "$tar"
  with_ticks "$image: collecting Debian packages" "$tree" "$tar" || fail "$image could not be made: see the lines above"
  container=$(our_buildah from scratch)
  with_ticks "$image: making the image" base_image_commit "$container" "$tar" "$inputs" "$image" ||
    fail "$image could not be made: see the lines above"
  rm -f "$tar"
}

base_image_commit() {
  our_buildah add --quiet "$1" "$2" / &&
    our_buildah config --label "throughput.inputs=$3" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$1" &&
    our_buildah commit --quiet --rm "$1" "$4"
}

# A Debian with apt, on which more can be installed; Python and the two servers that Pulp needs are in it already.
# Manuals, translations and PostgreSQL's just-in-time compiler (with its LLVM a quarter of all) are left out: the image
# is copied a few times on its way into the node. PostgreSQL does without the compiler when its file is not there.
debian_base_tree() {
  mmdebstrap --quiet --variant=minbase \
    --include=ca-certificates,python3,python3-venv,postgresql,redis-server,procps \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/lib/*/libLLVM*' \
    --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/llvmjit*' \
    --dpkgopt='path-exclude=/usr/lib/postgresql/*/lib/bitcode/*' \
    bookworm "$1"
}

# Just enough for a dynamically linked program: the C library, libgcc, the certificate authorities and the files by which
# names of users and hosts are looked up. No shell and no package database: the packages are unpacked, never installed.
runtime_base_tree() {
  local packages=$1.packages tree=$1.tree library
  rm -rf "$packages" "$tree"
  mmdebstrap --quiet --variant=extract --format=directory --include=libc6,libgcc-s1,ca-certificates,base-files \
    bookworm "$packages" || return 1
  mkdir -p "$tree"/{etc/ssl/certs,root,run,usr/share/doc,var/tmp} && install -d -m 1777 "$tree/tmp" "$tree/var/tmp"
  (
    set -e
    cd "$packages"
    # The C library's packages bring more (character sets, profilers, old names), which nothing loads by itself.
    # The loader is named after the processor, so its name is a pattern. A failure must end the function by itself: within
    # `( … ) || …`, bash does not end at the first one.
    for library in 'ld-linux-*' libc libm libgcc_s libdl libpthread librt libutil libresolv libanl libnss_dns libnss_files; do
      # shellcheck disable=SC2086  # a pattern
      cp -a --parents lib/*-linux-gnu/$library.so.* "$tree" || exit 1
    done
    cp -a --parents lib*/ld-linux-*.so.* usr/lib/os-release etc/os-release etc/debian_version usr/share/ca-certificates \
      usr/share/doc/{libc6,libgcc-s1,ca-certificates,base-files}/copyright "$tree" 2>/dev/null || true
    cat usr/share/ca-certificates/mozilla/*.crt >"$tree/etc/ssl/certs/ca-certificates.crt"
    cd "$tree"
    rm -rf usr/share/ca-certificates
    echo 'hosts: files dns' >etc/nsswitch.conf
    printf '%s\n' root:x:0:0:root:/root:/usr/sbin/nologin nobody:x:65532:65532:nobody:/:/usr/sbin/nologin >etc/passwd
    printf '%s\n' root:x:0: nobody:x:65532: >etc/group
    tar --create --numeric-owner --file "$1" .
  ) || return 1
  rm -rf "$packages" "$tree"
}
