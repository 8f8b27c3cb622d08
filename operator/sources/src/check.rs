//! The mistakes in a spec, and the permissions that it needs, before anything is measured.

use throughput_core::source_catalog::SourceCatalog;
use throughput_crds::Observe;

use crate::registry::Registry;
pub use throughput_core::source_catalog::{Mistake, Wanted};

/// Checks a spec beyond the API server's own rules; returns the permissions of the operator's administrator that it needs.
pub fn check(observe: &Observe) -> Result<Vec<Wanted>, Mistake> {
    Registry.check(observe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_is_none_is_a_mistake() {
        let checked = |regex: &str| {
            let logs = serde_json::json!({"pods": [{"selector": {"app": "pulp"}}], "patterns": [{"name": "slow", "regex": regex}]});
            check(&serde_json::from_value(serde_json::json!({"logs": logs})).unwrap())
        };
        assert_eq!(checked("slow: [0-9]+ s"), Ok(Vec::new()));
        let mistake = checked("slow (").unwrap_err().to_string();
        assert!(
            mistake.starts_with("observe.logs.patterns: slow is no regular expression: unclosed group"),
            "{mistake}"
        );
    }

    #[test]
    fn what_of_aws_needs_the_administrators_word_is_told_and_a_missing_region_is_a_mistake() {
        let observe = |aws: serde_json::Value| -> Observe {
            let rds = serde_json::json!({"instance": "pulp"});
            serde_json::from_value(serde_json::json!({"aws": aws, "rds": rds})).unwrap()
        };
        let own = observe(serde_json::json!({"region": "us-east-1"}));
        assert_eq!(check(&own), Ok(vec![Wanted::RdsInstance("pulp".to_owned())]));
        let keys = observe(serde_json::json!({"region": "us-east-1", "secretRef": {"name": "aws"}}));
        assert_eq!(check(&keys), Ok(Vec::new()));
        let mistake = check(&observe(serde_json::Value::Null)).unwrap_err();
        assert_eq!(mistake.0, "observe.rds needs to know the region: write observe.aws: {region: …}");
    }

    #[test]
    fn log_groups_need_what_instances_need() {
        let observe = |aws: serde_json::Value| -> Observe {
            let logs = serde_json::json!({"cloudWatch": [{"logGroup": "/pulp/api"}]});
            serde_json::from_value(serde_json::json!({"aws": aws, "logs": logs})).unwrap()
        };
        let role = "arn:aws:iam::123456789012:role/reads";
        let own = observe(serde_json::json!({"region": "us-east-1", "roleArn": role}));
        let expected = vec![Wanted::AwsRole(role.to_owned()), Wanted::LogGroup("/pulp/api".to_owned())];
        assert_eq!(check(&own), Ok(expected));
        let keys = observe(serde_json::json!({"region": "us-east-1", "secretRef": {"name": "aws"}}));
        assert_eq!(check(&keys), Ok(Vec::new()));
        let mistake = check(&observe(serde_json::Value::Null)).unwrap_err();
        assert!(mistake.0.starts_with("observe.logs.cloudWatch needs to know the region"), "{mistake}");
    }
}
