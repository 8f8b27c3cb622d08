# shellcheck shell=bash
# Certificates, keys and kubeconfigs of the cluster, made with openssl once and kept over `down` and over a crash, so that
# a kubeconfig that somebody copied goes on working. Every file is readable by its owner only.

certificate_days=3650
certificate_names=(apiserver apiserver-kubelet-client front-proxy-client kubelet-server kubelet admin
  controller-manager scheduler kube-proxy)

# Good for another thirty days at least, and made for the addresses of now.
pki_valid() {
  local certificate
  [[ -f $pki/complete && $(<"$pki/complete") == "$(pki_inputs)" ]] || return 1
  for certificate in ca front-proxy-ca "${certificate_names[@]}"; do
    openssl x509 -in "$pki/$certificate.crt" -noout -checkend $((30 * 86400)) >/dev/null || return 1
  done
}

pki_inputs() {
  echo "$node_address $apiserver_service $node_name $name ${certificate_names[*]}"
}

# Made in a folder beside its place and then renamed: a broken one is never taken for a whole one.
make_pki() {
  local making=$pki.making
  pki_valid && return
  say 'making certificates'
  rm -rf "$making" "$pki"
  install -d -m 700 "$making"
  (
    umask 077
    cd "$making" || exit
    authority ca throughput-ca
    authority front-proxy-ca throughput-front-proxy-ca
    key service-account && openssl pkey -in service-account.key -pubout -out service-account.pub
    certificate apiserver ca /CN=kube-apiserver serverAuth \
      "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$node_address,IP:$apiserver_service"
    certificate kubelet-server ca "/O=system:nodes/CN=system:node:$node_name" serverAuth "DNS:$node_name,IP:$node_address"
    certificate kubelet ca "/O=system:nodes/CN=system:node:$node_name" clientAuth
    certificate apiserver-kubelet-client ca /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
    certificate front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth
    certificate admin ca "/O=system:masters/CN=$name-admin" clientAuth
    certificate controller-manager ca /CN=system:kube-controller-manager clientAuth
    certificate scheduler ca /CN=system:kube-scheduler clientAuth
    certificate kube-proxy ca /CN=system:kube-proxy clientAuth
    rm -f ./*.csr
    pki_inputs >complete
  )
  mv "$making" "$pki"
}

make_kubeconfigs() {
  local user
  for user in kubelet admin controller-manager scheduler kube-proxy; do
    write_kubeconfig "$user" "$state/$user.kubeconfig"
  done
}

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null ||
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }

authority() {
  key "$1"
  openssl req -x509 -new -key "$1.key" -sha256 -days "$certificate_days" -subj "/CN=$2" -out "$1.crt" \
    -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
}

# certificate NAME AUTHORITY SUBJECT USAGE [SANS]
certificate() {
  local extensions="basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=$4"
  if [[ ${5:-} ]]; then extensions+=$'\n'"subjectAltName=$5"; fi
  key "$1"
  openssl req -new -key "$1.key" -subj "$3" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -sha256 -days "$certificate_days" \
    -extfile <(printf '%s\n' "$extensions") -out "$1.crt" 2>/dev/null
}

# write_kubeconfig USER FILE: self-contained, so that it can be copied elsewhere.
write_kubeconfig() {
  local user=$1 file=$2
  (
    umask 077
    cat >"$file.making" <<EOF
apiVersion: v1
kind: Config
current-context: $name
contexts:
- name: $name
  context: {cluster: $name, user: $user}
clusters:
- name: $name
  cluster:
    server: $apiserver_url
    certificate-authority-data: $(base64 -w0 "$pki/ca.crt")
users:
- name: $user
  user:
    client-certificate-data: $(base64 -w0 "$pki/$user.crt")
    client-key-data: $(base64 -w0 "$pki/$user.key")
EOF
  )
  mv "$file.making" "$file"
}
