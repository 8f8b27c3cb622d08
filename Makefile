# What can be done here: `make help`. Each step says what it does and how long it took.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# The steps share two cores, one cluster and one build folder: never side by side, whatever -j says.
.NOTPARALLEL:

step := tests/steps/timed
cluster := tests/cluster/cluster
# CI and the tests use what Cargo.lock says, and do not change it.
locked := --locked

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ See it work

.PHONY: demo demo-10k
demo: ## A real Kubernetes and Pulp on this machine, the operator, and a small test: from nothing to figures
	@tests/demo/demo small

demo-10k: ## The same with 10,000 tasks a cell
	@tests/demo/demo 10k

##@ The local cluster

.PHONY: cluster-up cluster-down cluster-status pulp-up images install
cluster-up: ## Bring up a single-node Kubernetes on this machine
	@$(step) 'the local Kubernetes cluster' $(cluster) up

cluster-down: ## Take it down again; what was built for it is kept
	@$(step) 'taking the local cluster down' $(cluster) down

cluster-status: ## Say what of it lives
	@$(cluster) status

pulp-up: cluster-up ## Install a real Pulp into it
	@$(step) 'a real Pulp in the cluster' tests/pulp/pulp up

images: cluster-up ## Build the operator's images and bring them into it
	@$(step) "the operator's images" operator/images load

install: cluster-up ## Install or upgrade the operator in it, with Helm
	@$(step) "the operator's chart" tests/demo/install

##@ Work on it

.PHONY: crds
crds: ## Write the YAML of the CustomResourceDefinition from the Rust types
	@$(step) 'writing crds/throughputtests.yaml and its copy in the chart' tests/steps/crds

##@ Test it

.PHONY: test test-all fmt scripts docs clippy deny unit page servers chart aws api e2e e2e-examples e2e-pulps chaos chaos-short fuzz postgres-versions bench bench-memory bench-observer bench-observe bench-report bench-short
test: fmt scripts docs clippy deny unit page servers chart aws api e2e ## All tests but the longest

test-all: test fuzz postgres-versions e2e-examples e2e-pulps chaos-short ## All tests, also the long ones

fmt: ## Formatting of the Rust code (`cargo fmt --all` mends it)
	@$(step) 'formatting of the Rust code' cargo fmt --all --check

scripts: ## Shell scripts, with shellcheck
	@$(step) 'shell scripts' tests/steps/shellcheck

docs: ## The documentation: links, commands, paths and examples
	@$(step) 'the documentation' tests/steps/docs

clippy: ## Lints; the API's types also without their Kubernetes part
	@$(step) 'lints' cargo clippy $(locked) --workspace --all-targets --all-features -- --deny warnings
	@$(step) 'lints of the tests that need a cluster' cargo clippy $(locked) --workspace --all-features $(on_the_cluster) --test examples --test other_pulps --test chaos -- --deny warnings
	@$(step) 'lints of the API without Kubernetes' cargo clippy $(locked) --package throughput-crds -- --deny warnings

deny: ## Licences, banned crates, sources and known vulnerabilities of dependencies
	@$(step) 'dependencies' tests/steps/deny

unit: ## Rung 1: the pure parts
	@$(step) 'unit tests' cargo test $(locked) --no-fail-fast --workspace --all-features --exclude throughput-api-tests --exclude throughput-aws-tests --exclude throughput-server-tests --exclude throughput-page-tests

servers: ## The sources of figures against the real servers that they ask: PostgreSQL, Prometheus
	@$(step) 'the servers that are asked' tests/servers/install
	@$(step) 'tests against real servers' cargo test $(locked) --no-fail-fast --workspace --all-features --test postgres --test prometheus -- --test-threads=4

postgres-versions: ## The source `postgres` against PostgreSQL 13 to 18
	@for binaries in $$(tests/servers/install versions); do \
	  version=$$(cut -d ' ' -f 3 <<<"$$("$$binaries/postgres" --version)"); \
	  THROUGHPUT_POSTGRES_BINARIES=$$binaries $(step) "tests against PostgreSQL $$version" cargo test $(locked) --no-fail-fast --workspace --all-features --test postgres -- --test-threads=4; \
	done

# Each target for so long, or so many inputs of each: `make fuzz RUNS=1000000`.
SECONDS_EACH := 8
RUNS :=
fuzz: ## What comes from elsewhere, made up by libFuzzer: 8 s for each thing that is read
	@$(step) 'made-up input' env SECONDS_EACH=$(SECONDS_EACH) RUNS=$(RUNS) tests/fuzz/run

page: ## The report's page, in a browser
	@$(step) 'a browser' tests/steps/browser
	@$(step) "tests of the report's page" cargo test $(locked) --no-fail-fast --workspace --all-features --test page --test largest --test recorded

chart: ## The Helm chart, without a cluster
	@$(step) 'programs of the cluster' $(cluster) binaries
	@$(step) 'the Helm chart' charts/check

aws: ## The sources that ask AWS, with AWS's own clients against a stand-in
	@$(step) 'the stand-in for AWS' tests/aws/stand-in install
	@$(step) 'tests of what is asked of AWS' cargo test $(locked) --no-fail-fast --workspace --all-features --test aws

api: ## Rung 2: the controller against a real API server
	@$(step) 'programs of the cluster, with etcd' $(cluster) bin target/cluster-bin
	@$(step) 'a database that is watched' tests/servers/install postgres
	@$(step) 'the stand-in for AWS' tests/aws/stand-in install
	@$(step) 'tests against a real API server' cargo test $(locked) --no-fail-fast --workspace --all-features --test api --test owners -- --test-threads=8
	@$(step) "the operator's programs" cargo build $(locked) --workspace --all-features --bin throughput-operator --bin throughput-loadgen --test reasons
	@OPERATOR_PROFILE=debug $(step) 'the operator within its memory' cargo test $(locked) --workspace --all-features --test memory

# By name and with the whole workspace, as all other steps: another choice of packages would compile AWS's clients anew.
on_the_cluster := $(patsubst tests/e2e/tests/%.rs,--test %,$(filter-out %/examples.rs %/other_pulps.rs,$(wildcard tests/e2e/tests/*.rs)))
e2e: pulp-up install ## Rung 3: the installed operator with a real Pulp, on a real cluster
	@$(step) 'the servers that are asked' tests/servers/install
	@$(step) 'the stand-in for AWS' tests/aws/stand-in install
	@$(step) 'tests on the cluster' cargo test $(locked) --no-fail-fast --workspace --all-features $(on_the_cluster) -- --test-threads=1

e2e-examples: pulp-up install ## Every example, run to its end
	@$(step) 'the examples' cargo test $(locked) --workspace --all-features --test examples

e2e-pulps: pulp-up install ## Pulps that are set up in other ways: domains, Redis workers, TLS
	@$(step) 'nginx' tests/servers/install nginx
	@$(step) 'other Pulps' cargo test $(locked) --no-fail-fast --workspace --all-features --test other_pulps -- --test-threads=1

# A word for the rows whose names contain it; `make chaos ROWS=--list` tells them.
ROWS :=
chaos: pulp-up install ## Break things in the middle of runs: an hour; ROWS=WORD chooses
	@$(step) 'the chaos campaign' cargo test $(locked) --workspace --all-features --test chaos -- --minutes 100 $(ROWS)

chaos-short: pulp-up install ## A few of them: ten minutes
	@$(step) 'the short chaos campaign' cargo test $(locked) --workspace --all-features --test chaos -- --minutes 12 --short

bench: export OPERATOR_PROFILE := dist
bench: pulp-up install ## Measure what the operator itself costs, as it is distributed
	@$(step) 'programs of the cluster, with etcd' $(cluster) bin target/cluster-bin
	@$(step) 'measuring the common start' tests/steps/run start-skew
	@$(step) 'measuring' tests/steps/run bench
	@$(step) 'measuring with many tests' tests/steps/run scale

# For how long: make bench-memory MINUTES=20.
MINUTES := 60
bench-memory: export OPERATOR_PROFILE := dist
bench-memory: ## Measure whether it keeps within its memory under attack: an hour; MINUTES=N chooses
	@$(step) 'programs of the cluster, with etcd' $(cluster) bin target/cluster-bin
	@$(step) 'a database that is watched' tests/servers/install postgres
	@$(step) 'the stand-in for AWS' tests/aws/stand-in install
	@$(step) "the operator's programs" cargo build $(locked) --profile $(OPERATOR_PROFILE) -p throughput-controller -p throughput-loadgen
	@$(step) 'measuring under attack' tests/steps/run bench-memory --minutes $(MINUTES)

bench-observer: pulp-up install ## Measure what it costs the tasks that they are watched (half an hour)
	@$(step) 'measuring with and without' tests/steps/run bench-observer

bench-observe: pulp-up ## Measure what the sources of figures cost, all of them against none (an hour and a quarter)
	@$(step) "the operator's chart" tests/demo/install
	@$(step) 'the stand-in for AWS' tests/aws/stand-in install
	@$(step) 'measuring the wait for late figures' tests/steps/run bench-settling
	@$(step) 'measuring with and without' tests/steps/run bench-observe

# Workers of the kind `pulpcore` become slower the more tasks wait: of 10,000 they would make an hour and more.
bench-report: pulp-up install ## The 10,000-task plan for 2 and 4 workers, all sources on, its page in a browser (twenty minutes)
	@$(step) 'a browser' tests/steps/browser
	@$(step) 'a Pulp with workers of the kind redis' tests/pulp/pulp up --worker-type redis
	@$(step) 'the 10,000-task plan' tests/steps/run bench-report
	@$(step) 'Pulp as it was' tests/pulp/pulp up

bench-short: export OPERATOR_PROFILE := release
bench-short: pulp-up install ## Each of these once and short: shows that it still comes to figures, which say nothing
	@$(step) 'programs of the cluster, with etcd' $(cluster) bin target/cluster-bin
	@$(step) 'the stand-in for AWS' tests/aws/stand-in install
	@$(step) 'a browser' tests/steps/browser
	@$(step) 'a database that is watched' tests/servers/install postgres
	@for program in start-skew scale bench bench-memory bench-observer bench-settling bench-observe bench-report; do \
	  $(step) "$$program, short" tests/steps/run "$$program" --short; \
	done
