//! What people write: specs, and the texts in them and in annotations.

use serde_json::{Value, json};
use throughput_core::plan::Plan;
use throughput_core::plan::destination;
use throughput_core::plan::permissions::{AllowedAws, Permissions, is_image_listed};
use throughput_core::source_catalog::Wanted;
use throughput_crds::{DurationText, ThroughputTestSpec};
use throughput_model::cell::CellAddress;
use throughput_model::decimal;
use throughput_sources::registry::Registry;
use throughput_test_support::mutated;

/// The most cells that a plan has.
const MOST_CELLS: usize = 64;

/// The JSON of a spec.
pub(crate) fn specs(input: &[u8]) {
    if let Ok(spec) = serde_json::from_slice(input) {
        plan(&spec);
    }
}

/// A spec in which bytes choose what is changed; the first of them chooses the spec.
pub(crate) fn changed(input: &[u8]) {
    let Some((which, choices)) = input.split_first() else { return };
    let specs = good();
    let spec = &specs[usize::from(*which) % specs.len()];
    if let Ok(spec) = serde_json::from_value(mutated::chosen_by(spec, choices)) {
        plan(&spec);
    }
}

/// It becomes a plan that can be carried out, or a rejection with words.
fn plan(spec: &ThroughputTestSpec) {
    let listed = ["http://127.0.0.1:1".to_owned(), "*".to_owned()];
    let permissions = Permissions::new(&listed, &listed).with_aws(AllowedAws {
        roles: &listed,
        rds_instances: &listed,
        log_groups: &listed,
    });
    match Plan::new("pulp", spec, &permissions, &Registry) {
        Ok(plan) => {
            assert!((1..=MOST_CELLS).contains(&plan.cells.len()), "{} cells", plan.cells.len());
            let address = CellAddress { test_uid: "3f1c".to_owned(), cell: 0, attempt: 1 };
            for cell in &plan.cells {
                drop(plan.order(cell, &address));
            }
            let _ = plan.main_axis();
            for subject in plan.subjects() {
                let _ = destination::needs_permission(&subject.pulp.dispatch);
            }
        }
        Err(rejection) => {
            assert!(!rejection.to_string().is_empty() && !rejection.reason().as_str().is_empty());
        }
    }
}

fn good() -> [Value; 3] {
    let spec = |workload: Value, observe: Value| {
        json!({
            "targets": [
                {"name": "pulp", "service": {"name": "pulp-api", "port": 24817},
                    "credentials": {"secretRef": {"name": "pulp-admin"}}, "pulp": {"apiRoot": "/pulp/"}},
                {"name": "gateway", "url": "http://127.0.0.1:1",
                    "credentials": {"method": "Header", "header": "x-rh-identity", "secretRef": {"name": "identity"}},
                    "pulp": {"apiRoot": "/api/pulp/", "domain": "team"}},
            ],
            "scale": [
                {"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-worker"}},
                {"name": "content", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-content"}},
            ],
            "matrix": [
                {"name": "workers", "of": "Scale", "values": [1, 2]},
                {"name": "concurrency", "of": "Load", "values": [1, 4]},
                {"name": "by", "of": "Target", "values": ["pulp", "gateway"]},
            ],
            "repeat": 2,
            "workload": {"pulpTasks": workload},
            "observe": observe,
            "load": {"generators": 1, "concurrency": 1, "generatorPod": {"nodeSelector": {"pool": "load"}}},
            "criteria": [
                {"metric": "tasks.successRatio", "atLeast": "0.99"},
                {"metric": "tasks.perSecond", "atLeast": "10"},
            ],
            "timeouts": {"start": "15m", "scale": "10m", "generatorStart": "5m", "dispatch": "30m", "drain": "2h"},
        })
    };
    [
        spec(
            json!({"tasks": 100, "dispatch": {"request": {"path": "api/v3/tasks/purge/", "body": "{\"name\": \"$(unique)\"}"}}}),
            json!({"interval": "5s", "pods": [{"name": "api", "selector": {"matchLabels": {"app": "pulp"}}, "kubelet": true}],
                "postgres": {"secretRef": {"name": "db", "key": "url"}}}),
        ),
        spec(
            json!({"tasks": 100, "procedure": "Backlog", "cleanup": "Created",
                "dispatch": {"testView": {"query": {"tasks": "20"}, "tasksPerRequest": 20}}}),
            json!({"aws": {"region": "eu-west-1", "roleArn": "arn:aws:iam::1:role/x"}, "rds": {"instance": "pulp"},
                "logs": {"pods": [{"selector": {"matchLabels": {"app": "pulp"}}}], "builtIn": ["Pulp"], "cloudWatch": [{"logGroup": "/pulp"}],
                    "patterns": [{"name": "slow", "regex": "took (\\d+) s"}]}}),
        ),
        spec(
            json!({"tasks": 100, "dispatch": {"inProcess": {"image": "pulp:1", "function": "pulpcore.app.tasks.base.x",
                "args": "[1]", "kwargs": "{\"a\": 1}"}}}),
            json!({"profile": {"selector": {"matchLabels": {"app": "pulp"}}, "delay": "5s", "duration": "30s"},
                "prometheus": {"url": "http://127.0.0.1:1", "queries": [{"name": "queue", "range": "up[$(window)]"}]}}),
        ),
    ]
}

/// Durations and decimals, one a line.
pub(crate) fn durations(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for line in text.lines().take(8) {
        if let Ok(duration) = line.parse::<DurationText>() {
            assert_eq!(duration.to_string().parse(), Ok(duration), "{line}");
        }
        let number = decimal::parse(line);
        assert_eq!(number.is_some(), decimal::compare(line, line).is_some(), "{line}");
        if let Some(written) = line.parse::<f64>().ok().and_then(decimal::of_float) {
            assert!(decimal::parse(&written).is_some(), "{written}");
        }
    }
}

/// What an administrator lists, separated by commas, and in the next lines what is asked for.
pub(crate) fn permissions(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.lines();
    let list = lines.next().unwrap_or_default();
    let listed: Vec<String> = list.split(',').map(str::to_owned).collect();
    let aws = AllowedAws { roles: &listed, rds_instances: &listed, log_groups: &listed };
    let permissions = Permissions::new(&listed, &listed).with_aws(aws);
    for asked in lines.take(8) {
        let asked = asked.to_owned();
        assert_eq!(permissions.permits_image(&asked), permissions.permits_image(&asked));
        if is_image_listed(list, &asked) {
            let begins = |pattern: &str| asked.starts_with(pattern.trim().trim_end_matches('*'));
            assert!(list.split(',').any(begins), "{asked} by {list}");
        }
        let wanted = [Wanted::Url, Wanted::AwsRole, Wanted::RdsInstance, Wanted::LogGroup];
        for wanted in wanted.map(|wanted| wanted(asked.clone())) {
            if let Err(refused) = permissions.permit(&wanted) {
                assert!(refused.to_string().contains(&refused.wanted));
            }
        }
    }
}
