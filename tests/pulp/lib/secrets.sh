# shellcheck shell=bash
# Secrets are random, made once per installation, and kept by every later `up`.

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# make_secret NAME ANNOTATION KEY VALUE [KEY VALUE…]; written through stdin: an argument of kubectl
# would show in the list of processes.
make_secret() {
  local name=$1 annotation=$2
  shift 2
  exists secret "$name" && return
  {
    printf '%s\n' 'apiVersion: v1' 'kind: Secret' "metadata: {name: $name, annotations: {$annotation}}" 'stringData:'
    while (($#)); do
      printf '  %s: "%s"\n' "$1" "$2"
      shift 2
    done
  } | in_ns create --filename - >&2
}

make_secrets() {
  make_secret postgres-superuser '' password "$(random_hex 20)"
  # The annotation names the Service that these may be sent to: the operator asks for it.
  make_secret pulp-postgres 'perf.pulpproject.org/for: postgres' username pulp password "$(random_hex 20)"
  make_secret pulp-admin '' username admin password "$(random_hex 12)"
  # To which port they may be sent, and with which requests of tests. Set on every `up`, for it may be older than this line.
  in_ns annotate --overwrite secret pulp-admin perf.pulpproject.org/for=pulp-api:24817 \
    'perf.pulpproject.org/requests=test-views, GET /pulp/test/*, POST /pulp/*, DELETE /pulp/*' >&2
  make_secret pulp-redis '' password "$(random_hex 20)"
  make_secret pulp-keys '' django-secret-key "$(random_hex 32)" \
    database_fields.symmetric.key "$(head -c 32 /dev/urandom | base64)"
}
