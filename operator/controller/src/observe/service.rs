//! The Service that a plan is sent to.

use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::Api;
use throughput_core::kinds::pulp_tasks::observed::Pulp;
use throughput_core::plan::Plan;
use throughput_core::plan::destination::Destination;
use throughput_core::reason::{Reason, Why};

use crate::objects::deadline::{RequestError, within};

/// Why nothing is to be sent to the plan's Service, if so. A name that is no Service's is not looked up: a search
/// domain might lead it, and a password with it, out of the cluster.
pub(super) async fn refused(
    client: &Client,
    namespace: &str,
    plan: &Plan,
) -> Result<Option<Pulp>, RequestError> {
    let Destination::Service { name, port, .. } = &plan.destination else {
        return Ok(None);
    };
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let service = within("read the Service under test", services.get_opt(name)).await?;
    Ok(refusal(name, *port, service.as_ref()).map(Pulp::Unavailable))
}

fn refusal(name: &str, port: u16, service: Option<&Service>) -> Option<Why> {
    let Some(service) = service else {
        return Some(Why::new(
            Reason::ServiceNotFound,
            format!("there is no Service {name} in this namespace (target.service)"),
        ));
    };
    let spec = service.spec.as_ref();
    if spec.is_some_and(|spec| spec.type_.as_deref() == Some("ExternalName")) {
        return Some(Why::new(
            Reason::NotPermitted,
            format!(
                "the Service {name} leads out of the cluster (type: ExternalName): name the URL in target.url, and have the administrator of the operator permit it (allow.urls)"
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
            "the Service {name} has no port {port} (target.service.port); it has {}",
            if ports.is_empty() { "none".to_owned() } else { ports.join(", ") }
        ),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
    fn a_service_that_leads_elsewhere_is_refused() {
        let elsewhere =
            json!({"type": "ExternalName", "externalName": "evil.example", "ports": [{"port": 24817}]});
        assert_eq!(reason(&elsewhere), Some(Reason::NotPermitted));
    }
}
