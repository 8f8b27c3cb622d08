//! The Service that a plan is sent to.

use k8s_openapi::api::core::v1::Service;
use kube::api::Api;
use kube::{Client, ResourceExt};
use throughput_core::kinds::pulp_tasks::plan::{PulpUnderTest, Subject};
use throughput_core::plan::destination::{self, Destination};
use throughput_core::reason::{Reason, Why};
use throughput_crds::REQUESTS_ANNOTATION;

use super::secret_use::Purpose;
use crate::objects::deadline::{RequestError, within};

/// Whether something may be sent to a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ServiceUse {
    /// It may.
    Permitted,
    /// The Service is not there, or not to be used.
    Missing(Why),
    /// The Service's owner does not permit it.
    NotPermitted(Why),
}

/// Whether this may be sent to the plan's destination. A name that is no Service's is not looked up: a search domain
/// might lead it, and a password with it, out of the cluster.
pub(super) async fn usable(
    client: &Client,
    namespace: &str,
    subject: Subject<'_>,
    purpose: Purpose,
) -> Result<ServiceUse, RequestError> {
    let Destination::Service { name, port, .. } = &subject.target.destination else {
        return Ok(ServiceUse::Permitted);
    };
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let service = within("read the Service under test", services.get_opt(name)).await?;
    if let Some(why) = refusal(name, *port, service.as_ref()) {
        return Ok(ServiceUse::Missing(why));
    }
    let service = service.as_ref().filter(|_| purpose == Purpose::Run);
    let not_permitted = service.and_then(|service| not_permitted(name, subject.pulp, service));
    Ok(not_permitted.map_or(ServiceUse::Permitted, ServiceUse::NotPermitted))
}

/// Why the plan's request may not be sent to this Service, if so. With a Secret it is the Secret's owner who permits
/// requests. Without one nobody else was asked, and the operator stands where whoever created the test may not: within
/// the network policies of what it is let to.
fn not_permitted(name: &str, pulp: &PulpUnderTest, service: &Service) -> Option<Why> {
    if pulp.secret.is_some() {
        return None;
    }
    let request = pulp.needs_permission.clone().filter(|it| !it.starts_with("GET "))?;
    let list = service.annotations().get(REQUESTS_ANNOTATION);
    (!list.is_some_and(|list| destination::permits_request(list, &request))).then(|| {
        Why::new(
            Reason::RequestNotPermitted,
            format!(
                "the Service {name} does not say that {request} may be sent to it without credentials: its owner annotates it with {REQUESTS_ANNOTATION}='{request}'"
            ),
        )
    })
}

fn refusal(name: &str, port: u16, service: Option<&Service>) -> Option<Why> {
    let Some(service) = service else {
        return Some(Why::new(
            Reason::ServiceNotFound,
            format!("there is no Service {name} in this namespace (targets)"),
        ));
    };
    let spec = service.spec.as_ref();
    if spec.is_some_and(|spec| spec.type_.as_deref() == Some("ExternalName")) {
        return Some(Why::new(
            Reason::NotPermitted,
            format!(
                "the Service {name} leads out of the cluster (type: ExternalName): name the URL in the target's url, and have the administrator of the operator permit it (allow.urls)"
            ),
        ));
    }
    let ports: Vec<u16> = spec
        .and_then(|spec| spec.ports.as_ref())
        .into_iter()
        .flatten()
        .filter_map(|port| u16::try_from(port.port).ok())
        .collect();
    if ports.contains(&port) {
        return None;
    }
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    Some(Why::new(
        Reason::ServicePortNotFound,
        format!(
            "the Service {name} has no port {port} (service.port of the target); it has {}",
            if ports.is_empty() { "none".to_owned() } else { ports.join(", ") }
        ),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use throughput_core::plan::Plan;
    use throughput_core::plan::permissions::Permissions;
    use throughput_sources::registry::Registry;

    use super::*;

    fn reason(spec: &Value) -> Option<Reason> {
        let service: Service = serde_json::from_value(json!({"spec": spec})).unwrap();
        refusal("pulp-api", 24_817, Some(&service)).map(|why| why.reason)
    }

    #[test]
    fn a_service_with_the_port_is_not_refused() {
        assert_eq!(reason(&json!({"ports": [{"port": 80}, {"port": 24817}]})), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(refusal("pulp-api", 1, None).map(|why| why.reason), Some(Reason::ServiceNotFound));
        assert_eq!(reason(&json!({"ports": [{"port": 80}]})), Some(Reason::ServicePortNotFound));
        assert_eq!(reason(&json!({})), Some(Reason::ServicePortNotFound));
    }

    #[test]
    fn without_credentials_only_a_get_needs_no_word_of_the_services_owner() {
        let refused_for = |method: &str, secret: Option<&str>, list: Option<&str>| {
            let annotations = list.map(|list| json!({REQUESTS_ANNOTATION: list}));
            let service = json!({"metadata": {"annotations": annotations}});
            let credentials = match secret {
                Some(name) => json!({"secretRef": {"name": name}}),
                None => json!({"method": "None"}),
            };
            let spec = json!({
                "targets": [{
                    "name": "pulp", "service": {"name": "pulp-api", "port": 24817},
                    "credentials": credentials, "pulp": {},
                }],
                "scale": [{"name": "w", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}}],
                "workload": {"pulpTasks": {
                    "tasks": 10,
                    "dispatch": {"request": {"method": method, "path": "admin/all/"}},
                }},
            });
            let spec = serde_json::from_value(spec).unwrap();
            let plan = Plan::new("pulp", &spec, &Permissions::default(), &Registry).unwrap();
            let service = serde_json::from_value(service).unwrap();
            not_permitted("pulp-api", plan.subject(0).unwrap().pulp, &service).map(|why| why.message)
        };
        for (method, list) in [
            ("DELETE", None),
            ("POST", None),
            ("DELETE", Some("POST /pulp/admin/all/")),
            ("DELETE", Some("test-views, DELETE /pulp/admin/")),
        ] {
            let message = refused_for(method, None, list).unwrap();
            assert!(message.ends_with(&format!("requests='{method} /pulp/admin/all/'")), "{message}");
        }
        for (method, secret, list) in [
            ("GET", None, None),
            ("DELETE", None, Some("POST /pulp/x/, DELETE /pulp/admin/all/")),
            ("DELETE", None, Some("DELETE /pulp/admin/*")),
            // The Secret's owner was asked.
            ("DELETE", Some("pulp-admin"), None),
        ] {
            assert_eq!(refused_for(method, secret, list), None, "{method} {secret:?} {list:?}");
        }
    }

    #[test]
    fn a_service_that_leads_elsewhere_is_refused() {
        let elsewhere =
            json!({"type": "ExternalName", "externalName": "evil.example", "ports": [{"port": 24817}]});
        assert_eq!(reason(&elsewhere), Some(Reason::NotPermitted));
    }
}
