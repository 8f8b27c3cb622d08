//! The Secrets of a container that dispatches in Pulp's own process. Each says itself that it may be used for the
//! Service under test: whoever may create a test but not read Secrets must not get at one through a container.

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Client, ResourceExt};
use throughput_crds::SECRET_FOR_ANNOTATION;

use crate::deadline::{RequestError, within};
use crate::observed::Credentials;
use crate::plan::Plan;

/// What keeps the plan's container from being started, if anything does.
pub(super) async fn missing(
    client: &Client,
    namespace: &str,
    plan: &Plan,
) -> Result<Option<Credentials>, RequestError> {
    let Some(dispatch) = &plan.in_process else {
        return Ok(None);
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    for name in dispatch.secrets() {
        let secret = within("read a Secret of the container", secrets.get_opt(name)).await?;
        if let Some(unusable) = unusable(name, plan.destination.audience(), secret.as_ref()) {
            return Ok(Some(unusable));
        }
    }
    Ok(None)
}

fn unusable(name: &str, service: &str, secret: Option<&Secret>) -> Option<Credentials> {
    let Some(secret) = secret else {
        let message = format!("there is no Secret {name} in this namespace, which inProcess names");
        return Some(Credentials::Unusable { reason: "SecretNotFound", message });
    };
    if secret.annotations().get(SECRET_FOR_ANNOTATION).map(String::as_str) == Some(service) {
        return None;
    }
    let message = format!(
        "the Secret {name} does not say that a container may have it to dispatch tasks of the Service {service}: its owner annotates it with {SECRET_FOR_ANNOTATION}={service}, or makes one for this purpose"
    );
    Some(Credentials::Unusable { reason: "SecretNotPermitted", message })
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectMeta;

    use super::*;

    fn reason(annotation: Option<&str>) -> Option<&'static str> {
        let annotations =
            annotation.map(|service| [(SECRET_FOR_ANNOTATION.to_owned(), service.to_owned())].into());
        let metadata = ObjectMeta { annotations, ..ObjectMeta::default() };
        let secret = Secret { metadata, ..Secret::default() };
        match unusable("pulp-keys", "pulp-api", Some(&secret)) {
            Some(Credentials::Unusable { reason, .. }) => Some(reason),
            Some(Credentials::Ready) | None => None,
        }
    }

    #[test]
    fn a_container_gets_only_secrets_that_name_the_service() {
        assert_eq!(reason(Some("pulp-api")), None);
        assert_eq!(reason(Some("postgres")), Some("SecretNotPermitted"));
        assert_eq!(reason(None), Some("SecretNotPermitted"));
        let Some(Credentials::Unusable { reason, message }) = unusable("pulp-keys", "pulp-api", None) else {
            panic!("a missing Secret is usable");
        };
        assert_eq!(reason, "SecretNotFound");
        assert!(message.contains("pulp-keys"), "{message}");
    }
}
