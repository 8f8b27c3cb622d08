# shellcheck shell=bash
# How this machine reaches its package index. None of it is written into the image.
pip_options() {
  local name
  for name in $(compgen -e | grep -E '^(PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|PROXY|DEFAULT_TIMEOUT)|SSL_CERT_FILE|https?_proxy|no_proxy)$'); do
    printf '%s\n' --env "$name"
  done
  if [[ -n ${PIP_CERT:-}${SSL_CERT_FILE:-} ]]; then
    printf '%s\n' --volume /etc/ssl/certs:/etc/ssl/certs:ro
  fi
}
