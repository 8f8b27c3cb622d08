//! Whether a Secret may be used for what a plan wants of it: its owner says so in its annotations.

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use throughput_core::kinds::pulp_tasks::plan::Subject;
use throughput_core::plan::destination::{self, ConfigMapKey};
use throughput_core::reason::{Reason, Why};
use throughput_core::stage::facts;
use throughput_crds::{
    REQUESTS_ANNOTATION, SECRET_CA_ANNOTATION, SECRET_FOR_ANNOTATION, SECRET_VERIFICATION_ANNOTATION, Stage,
};

/// What a Secret is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// All that the run sends: its dispatch, and what the operator asks.
    Run,
    /// Ending it: the operator's own counts, and canceling the run's own tasks. It takes no permission to dispatch,
    /// which may just have been withdrawn.
    End,
}

impl Purpose {
    /// What it is used for in this stage.
    pub(super) fn of(stage: Stage) -> Self {
        // What cleaning up deletes is what the dispatch made.
        if facts(stage).at_its_end && stage != Stage::CleaningUp { Self::End } else { Self::Run }
    }
}

/// The Secret, if its owner says that it may be used for this.
pub(super) fn permitted<'a>(
    name: &str,
    subject: Subject<'_>,
    purpose: Purpose,
    secret: Option<&'a Secret>,
) -> Result<&'a Secret, Why> {
    let secret = secret.ok_or_else(|| {
        Why::new(Reason::SecretNotFound, format!("there is no Secret {name} in this namespace"))
    })?;
    match refusal(name, subject, purpose, secret) {
        Some(why) => Err(why),
        None => Ok(secret),
    }
}

fn refusal(name: &str, subject: Subject<'_>, purpose: Purpose, secret: &Secret) -> Option<Why> {
    let Subject { target, pulp } = subject;
    let said = |annotation: &str| secret.annotations().get(annotation).map(String::as_str);
    let audience = target.destination.audience();
    if said(SECRET_FOR_ANNOTATION) != Some(&audience) {
        let words = format!(
            "the Secret {name} does not say that it may be sent to {}: its owner annotates it with {SECRET_FOR_ANNOTATION}={audience}",
            target.destination
        );
        return Some(Why::new(Reason::SecretNotPermitted, words));
    }
    if let Some(ConfigMapKey { name: bundle, .. }) = &target.trust.ca_bundle
        && said(SECRET_CA_ANNOTATION) != Some(bundle)
    {
        let words = format!(
            "the Secret {name} does not say that certificates of the ConfigMap {bundle} may be trusted where it is sent: its owner annotates it with {SECRET_CA_ANNOTATION}={bundle}"
        );
        return Some(Why::new(Reason::CaBundleNotPermitted, words));
    }
    if !target.trust.verifies && said(SECRET_VERIFICATION_ANNOTATION) != Some("None") {
        let words = format!(
            "the Secret {name} does not say that it may be sent where nobody verifies the certificate: its owner annotates it with {SECRET_VERIFICATION_ANNOTATION}=None, or the test leaves tls.verification out"
        );
        return Some(Why::new(Reason::VerificationNotPermitted, words));
    }
    let request = pulp.needs_permission.as_ref().filter(|_| purpose == Purpose::Run)?;
    let listed = said(REQUESTS_ANNOTATION).is_some_and(|list| destination::permits_request(list, request));
    (!listed).then(|| {
        let words = format!(
            "the Secret {name} does not say that {request} may be sent with it: its owner annotates it with {REQUESTS_ANNOTATION}='{request}'"
        );
        Why::new(Reason::RequestNotPermitted, words)
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use kube::api::ObjectMeta;
    use serde_json::{Value, json};
    use throughput_core::plan::Plan;
    use throughput_core::plan::permissions::Permissions;
    use throughput_sources::registry::Registry;

    use super::*;

    fn plan(credentials: Value, dispatch: Value) -> Plan {
        let mut spec = json!({
            "targets": [{"name": "pulp", "service": {"name": "pulp-api", "port": 24817}, "pulp": {}}],
            "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}}],
            "workload": {"pulpTasks": {"tasks": 10}},
        });
        spec["targets"][0]["credentials"] = credentials;
        spec["workload"]["pulpTasks"]["dispatch"] = dispatch;
        Plan::new("pulp", &serde_json::from_value(spec).unwrap(), &Permissions::default(), &Registry).unwrap()
    }

    /// A spec for an encrypted Service, with certificates of the test's choice.
    fn encrypted_spec() -> Value {
        json!({
            "targets": [{
                "name": "pulp",
                "service": {"name": "pulp-api", "port": 24817, "scheme": "https"},
                "tls": {"caBundle": {"configMapRef": {"name": "our-ca"}}},
                "credentials": {"secretRef": {"name": "pulp-admin"}},
                "pulp": {},
            }],
            "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}}],
            "workload": {"pulpTasks": {"tasks": 10, "dispatch": {"testView": {}}}},
        })
    }

    fn planned(spec: Value) -> Plan {
        Plan::new("pulp", &serde_json::from_value(spec).unwrap(), &Permissions::default(), &Registry).unwrap()
    }

    fn session() -> Plan {
        plan(json!({"secretRef": {"name": "pulp-admin"}}), json!({"testView": {}}))
    }

    fn secret(annotations: &[(&str, &str)], keys: &[&str]) -> Secret {
        let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Secret {
            metadata: ObjectMeta { annotations: Some(annotations.collect()), ..ObjectMeta::default() },
            data: Some(keys.iter().map(|key| ((*key).to_owned(), ByteString(b"word\n".to_vec()))).collect()),
            ..Secret::default()
        }
    }

    fn reason(plan: &Plan, secret: Option<&Secret>) -> &'static str {
        match permitted("pulp-admin", plan.subject(0).unwrap(), Purpose::Run, secret) {
            Ok(_) => "usable",
            Err(why) => why.reason.as_str(),
        }
    }

    const FOR: (&str, &str) = (SECRET_FOR_ANNOTATION, "pulp-api:24817");
    const VIEWS: (&str, &str) = (REQUESTS_ANNOTATION, "test-views");

    #[test]
    fn a_secret_is_used_only_for_the_service_that_it_names() {
        let keys = ["username", "password"];
        let named = |service| secret(&[(SECRET_FOR_ANNOTATION, service), VIEWS], &keys);
        assert_eq!(reason(&session(), Some(&named("pulp-api:24817"))), "usable");
        for other in [
            "",
            "other:24817",
            "pulp-api",
            "pulp-api:80",
            "pulp-api:248170",
            "https://pulp-api:24817",
            "http://pulp-api:24817",
            "pulp-api:24817,other",
            " pulp-api:24817",
            "*",
        ] {
            assert_eq!(reason(&session(), Some(&named(other))), "SecretNotPermitted", "{other}");
        }
        assert_eq!(reason(&session(), Some(&secret(&[], &keys))), "SecretNotPermitted");
    }

    #[test]
    fn a_secret_is_used_only_with_the_certificates_that_it_names() {
        let (plan, keys) = (planned(encrypted_spec()), ["username", "password"]);
        let audience = (SECRET_FOR_ANNOTATION, "https://pulp-api:24817");
        let named = |map| secret(&[audience, VIEWS, (SECRET_CA_ANNOTATION, map)], &keys);
        assert_eq!(reason(&plan, Some(&secret(&[FOR, VIEWS], &keys))), "SecretNotPermitted");
        assert_eq!(reason(&plan, Some(&secret(&[audience, VIEWS], &keys))), "CaBundleNotPermitted");
        assert_eq!(reason(&plan, Some(&named("other"))), "CaBundleNotPermitted");
        assert_eq!(reason(&plan, Some(&named("our-ca"))), "usable");
    }

    #[test]
    fn a_secret_that_is_not_there_is_named() {
        assert_eq!(reason(&session(), None), "SecretNotFound");
    }

    #[test]
    fn who_writes_no_dispatch_needs_no_more_than_the_word_where_the_secret_may_be_sent() {
        let plan = plan(json!({"secretRef": {"name": "pulp-admin"}}), json!({}));
        let keys = ["username", "password"];
        assert_eq!(reason(&plan, Some(&secret(&[FOR], &keys))), "usable");
        assert_eq!(reason(&plan, Some(&secret(&[], &keys))), "SecretNotPermitted");
    }

    #[test]
    fn a_secret_is_sent_where_nobody_verifies_the_certificate_only_if_it_says_so() {
        let mut spec = encrypted_spec();
        spec["targets"][0]["tls"] = json!({"verification": "None"});
        let plan = planned(spec);
        let keys = ["username", "password"];
        let audience = (SECRET_FOR_ANNOTATION, "https://pulp-api:24817");
        let said = |words| secret(&[audience, VIEWS, (SECRET_VERIFICATION_ANNOTATION, words)], &keys);
        assert_eq!(reason(&plan, Some(&secret(&[audience, VIEWS], &keys))), "VerificationNotPermitted");
        assert_eq!(reason(&plan, Some(&said("Full"))), "VerificationNotPermitted");
        assert_eq!(reason(&plan, Some(&said("None"))), "usable");
    }

    #[test]
    fn a_secret_is_used_only_for_the_views_that_it_names() {
        let keys = ["username", "password"];
        let admin = || json!({"secretRef": {"name": "pulp-admin"}});
        let view = |path: &str| plan(admin(), json!({"testView": {"path": path, "checkQuery": {"n": "0"}}}));
        let listed = |list| secret(&[FOR, (REQUESTS_ANNOTATION, list)], &keys);
        for plan in [session(), view("test/tasks/"), view("test/distributions/")] {
            assert_eq!(reason(&plan, Some(&secret(&[FOR], &keys))), "RequestNotPermitted");
        }
        assert_eq!(reason(&session(), Some(&listed("test-views"))), "usable");
        assert_eq!(reason(&view("test/distributions/"), Some(&listed("test-views"))), "RequestNotPermitted");
        let named = "GET /pulp/test/distributions/";
        assert_eq!(reason(&view("test/distributions/"), Some(&listed(named))), "usable");
        assert_eq!(reason(&view("api/v3/users/"), Some(&listed(named))), "RequestNotPermitted");
    }

    #[test]
    fn to_end_a_run_takes_no_permission_to_dispatch_but_still_the_one_to_send() {
        let plan = session();
        let usable = |secret: &Secret| {
            permitted("pulp-admin", plan.subject(0).unwrap(), Purpose::End, Some(secret)).is_ok()
        };
        assert!(usable(&secret(&[FOR], &["username", "password"])));
        assert!(!usable(&secret(&[VIEWS], &["username", "password"])));
        for stage in [Stage::CancelingTasks, Stage::Settling, Stage::Collecting, Stage::Restoring] {
            assert_eq!(Purpose::of(stage), Purpose::End, "{stage:?}");
        }
        for stage in [Stage::AwaitingTargets, Stage::Dispatching, Stage::Draining, Stage::CleaningUp] {
            assert_eq!(Purpose::of(stage), Purpose::Run, "{stage:?}");
        }
    }

    #[test]
    fn a_secret_is_used_only_for_the_requests_that_it_names() {
        let purge = json!({"request": {"path": "api/v3/tasks/purge/"}});
        let plan = plan(json!({"secretRef": {"name": "pulp-admin"}}), purge);
        let keys = ["username", "password"];
        assert_eq!(reason(&plan, Some(&secret(&[FOR], &keys))), "RequestNotPermitted");
        let other = (REQUESTS_ANNOTATION, "POST /pulp/api/v3/users/");
        assert_eq!(reason(&plan, Some(&secret(&[FOR, other], &keys))), "RequestNotPermitted");
        let this = (REQUESTS_ANNOTATION, "POST /pulp/api/v3/tasks/purge/");
        assert_eq!(reason(&plan, Some(&secret(&[FOR, this], &keys))), "usable");
    }
}
