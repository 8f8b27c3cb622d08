# shellcheck shell=bash
# What Pulp says about itself.

parameter() { in_ns get configmap pulp-parameters --output jsonpath="{.data.$1}"; }

# Through the API server, so that nothing has to route from here to the cluster's network.
pulp_get() { in_ns get --raw "/api/v1/namespaces/$namespace/services/pulp-api:api/proxy$1"; }

pulp_status() { pulp_get "$(parameter PULP_API_ROOT)api/v3/status/" 2>/dev/null; }

workers_online() { [[ $(pulp_status | jq '.online_workers | length') == "$1" ]]; }

# psql as the superuser, in the pod: its password never leaves it.
run_psql() {
  # shellcheck disable=SC2016 # the pod's shell expands this
  in_ns exec --request-timeout=0 --stdin "${psql_tty[@]}" deployment/postgres -- \
    sh -c 'PGPASSWORD=$POSTGRES_PASSWORD exec psql --host=/tmp --username=postgres --dbname=pulp "$@"' psql "$@"
}

# sql QUERY: its result as plain values.
sql() { run_psql -Atc "$1" </dev/null; }
