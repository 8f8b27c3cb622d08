//! What Pulp asks for, from a Secret that says itself where it may be sent, and whom its certificate is from.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::Api;
use kube::{Client, ResourceExt};
use throughput_core::kinds::pulp_tasks::PulpTasks;
use throughput_core::plan::Plan;
use throughput_core::plan::destination::{self, ConfigMapKey};
use throughput_core::reason::{Reason, Why};
use throughput_core::stage::facts;
use throughput_crds::{REQUESTS_ANNOTATION, SECRET_CA_ANNOTATION, SECRET_FOR_ANNOTATION, Stage};
use throughput_model::workload::Authentication;

use crate::objects::deadline::within;
use crate::objects::obstacle::Obstacle;

/// What a client of Pulp is made of, and the versions of what it was read from: others want another client.
pub(super) struct Found {
    pub(super) credentials: Option<throughput_pulp::Credentials>,
    pub(super) certificates: Option<Vec<u8>>,
    pub(super) version: String,
}

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

/// Reads the plan's credentials and certificates; refused where they may not be used, or cannot.
pub(super) async fn read(
    client: &Client,
    namespace: &str,
    plan: &Plan,
    (tasks, purpose): (&PulpTasks, Purpose),
) -> Result<Found, Obstacle> {
    let mut found = Found { credentials: None, certificates: None, version: String::new() };
    if let Some(name) = &tasks.secret {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let secret = within("read the credentials", secrets.get_opt(name)).await?;
        found.credentials = Some(usable(name, plan, (tasks, purpose), secret.as_ref())?);
        found.version = secret.and_then(|secret| secret.resource_version()).unwrap_or_default();
    }
    if let Some(bundle) = &plan.ca_bundle {
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        let map = within("read the CA bundle", maps.get_opt(&bundle.name)).await?;
        found.certificates = Some(certificates(bundle, map.as_ref())?);
        let version = map.and_then(|map| map.resource_version()).unwrap_or_default();
        found.version = format!("{}/{version}", found.version);
    }
    Ok(found)
}

/// What is in the Secret, if its owner says that it may be used for this.
fn usable(
    name: &str,
    plan: &Plan,
    (tasks, purpose): (&PulpTasks, Purpose),
    secret: Option<&Secret>,
) -> Result<throughput_pulp::Credentials, Why> {
    let secret = secret.ok_or_else(|| {
        Why::new(Reason::SecretNotFound, format!("there is no Secret {name} in this namespace"))
    })?;
    let audience = plan.destination.audience();
    if secret.annotations().get(SECRET_FOR_ANNOTATION) != Some(&audience) {
        return Err(Why::new(
            Reason::SecretNotPermitted,
            format!(
                "the Secret {name} does not say that it may be sent to {}: its owner annotates it with {SECRET_FOR_ANNOTATION}={audience}",
                plan.destination
            ),
        ));
    }
    if let Some(ConfigMapKey { name: bundle, .. }) = &plan.ca_bundle
        && secret.annotations().get(SECRET_CA_ANNOTATION) != Some(bundle)
    {
        return Err(Why::new(
            Reason::CaBundleNotPermitted,
            format!(
                "the Secret {name} does not say that certificates of the ConfigMap {bundle} may be trusted where it is sent: its owner annotates it with {SECRET_CA_ANNOTATION}={bundle}"
            ),
        ));
    }
    if purpose == Purpose::Run
        && let Some(request) = destination::needs_permission(&tasks.dispatch)
        && !secret
            .annotations()
            .get(REQUESTS_ANNOTATION)
            .is_some_and(|list| destination::permits_request(list, &request))
    {
        return Err(Why::new(
            Reason::RequestNotPermitted,
            format!(
                "the Secret {name} does not say that {request} may be sent with it: its owner annotates it with {REQUESTS_ANNOTATION}='{request}'"
            ),
        ));
    }
    let text = |key: &str| {
        let bytes = secret.data.as_ref().and_then(|data| data.get(key));
        let text = bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
        // A newline at the end comes from an editor, and does not belong to the value.
        let text =
            text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty());
        text.ok_or_else(|| {
            Why::new(Reason::SecretKeyMissing, format!("the Secret {name} has no text under the key {key}"))
        })
    };
    match &tasks.pulp.authentication {
        Authentication::Header { .. } => Ok(throughput_pulp::Credentials::Header { value: text("value")? }),
        Authentication::Session | Authentication::Basic | Authentication::None => {
            Ok(throughput_pulp::Credentials::Password {
                username: text("username")?,
                password: text("password")?,
            })
        }
    }
}

fn certificates(bundle: &ConfigMapKey, map: Option<&ConfigMap>) -> Result<Vec<u8>, Why> {
    let ConfigMapKey { name, key } = bundle;
    let map = map.ok_or_else(|| {
        Why::new(
            Reason::CaBundleNotFound,
            format!("there is no ConfigMap {name} in this namespace (target.caBundle)"),
        )
    })?;
    let text = map.data.as_ref().and_then(|data| data.get(key)).filter(|text| text.contains("-----BEGIN "));
    text.map(|text| text.clone().into_bytes()).ok_or_else(|| {
        Why::new(
            Reason::CaBundleKeyMissing,
            format!("the ConfigMap {name} has no certificates in PEM under the key {key} (target.caBundle)"),
        )
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use kube::api::ObjectMeta;
    use serde_json::{Value, json};
    use throughput_core::plan::permissions::Permissions;
    use throughput_sources::registry::Registry;

    use super::*;

    fn plan(credentials: Value, dispatch: Value) -> Plan {
        let mut spec = json!({
            "target": {"service": {"name": "pulp-api", "port": 24817}, "pulp": {}},
            "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}}],
            "workload": {"pulpTasks": {"tasks": 10}},
        });
        spec["target"]["pulp"]["credentials"] = credentials;
        spec["workload"]["pulpTasks"]["dispatch"] = dispatch;
        Plan::new("pulp", &serde_json::from_value(spec).unwrap(), &Permissions::default(), &Registry).unwrap()
    }

    /// A plan for an encrypted Service, with certificates of the test's choice.
    fn encrypted() -> Plan {
        let credentials = json!({"secretRef": {"name": "pulp-admin"}});
        let spec = json!({
            "target": {
                "service": {"name": "pulp-api", "port": 24817, "scheme": "https"},
                "caBundle": {"configMapRef": {"name": "our-ca"}},
                "pulp": {"credentials": credentials},
            },
            "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}}],
            "workload": {"pulpTasks": {"tasks": 10}},
        });
        Plan::new("pulp", &serde_json::from_value(spec).unwrap(), &Permissions::default(), &Registry).unwrap()
    }

    fn session() -> Plan {
        plan(json!({"secretRef": {"name": "pulp-admin"}}), json!({}))
    }

    fn header() -> Plan {
        plan(
            json!({"method": "Header", "header": "x-rh-identity", "secretRef": {"name": "pulp-admin"}}),
            json!({}),
        )
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
        match usable("pulp-admin", plan, (plan.pulp_tasks().unwrap(), Purpose::Run), secret) {
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
        let (plan, keys) = (encrypted(), ["username", "password"]);
        let audience = (SECRET_FOR_ANNOTATION, "https://pulp-api:24817");
        let named = |map| secret(&[audience, VIEWS, (SECRET_CA_ANNOTATION, map)], &keys);
        assert_eq!(reason(&plan, Some(&secret(&[FOR, VIEWS], &keys))), "SecretNotPermitted");
        assert_eq!(reason(&plan, Some(&secret(&[audience, VIEWS], &keys))), "CaBundleNotPermitted");
        assert_eq!(reason(&plan, Some(&named("other"))), "CaBundleNotPermitted");
        assert_eq!(reason(&plan, Some(&named("our-ca"))), "usable");
    }

    #[test]
    fn what_a_secret_lacks_is_said() {
        assert_eq!(reason(&session(), None), "SecretNotFound");
        assert_eq!(reason(&session(), Some(&secret(&[FOR, VIEWS], &["username"]))), "SecretKeyMissing");
        let password = secret(&[FOR, VIEWS], &["username", "password"]);
        assert_eq!(reason(&header(), Some(&password)), "SecretKeyMissing");
    }

    #[test]
    fn a_header_is_the_value_of_one_key() {
        let plan = header();
        let secret = secret(&[FOR, VIEWS], &["value"]);
        let found = usable("pulp-admin", &plan, (plan.pulp_tasks().unwrap(), Purpose::Run), Some(&secret));
        assert_eq!(found, Ok(throughput_pulp::Credentials::Header { value: "word".to_owned() }));
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
            let asked = (plan.pulp_tasks().unwrap(), Purpose::End);
            usable("pulp-admin", &plan, asked, Some(secret)).is_ok()
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

    #[test]
    fn a_ca_bundle_without_certificates_is_named() {
        let bundle = ConfigMapKey { name: "ca".to_owned(), key: "ca.crt".to_owned() };
        let map = |text: &str| ConfigMap {
            data: Some([("ca.crt".to_owned(), text.to_owned())].into()),
            ..ConfigMap::default()
        };
        let reason = |map: Option<&ConfigMap>| match certificates(&bundle, map) {
            Err(why) => why.reason.as_str(),
            Ok(_) => "usable",
        };
        assert_eq!(reason(None), "CaBundleNotFound");
        assert_eq!(reason(Some(&ConfigMap::default())), "CaBundleKeyMissing");
        assert_eq!(reason(Some(&map("no certificate"))), "CaBundleKeyMissing");
        assert_eq!(reason(Some(&map("-----BEGIN CERTIFICATE-----"))), "usable");
    }
}
