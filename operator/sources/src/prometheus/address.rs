//! The address and the token of the Prometheus that a spec names.

use k8s_openapi::api::core::v1::Service;
use kube::Client;
use kube::api::Api;
use throughput_crds::{ObservePrometheus, Scheme, ServiceReference};

use crate::access::Access;
use crate::certificates::read_bundle;
use crate::error::SourceError;
use crate::kubernetes::within;
use crate::secrets::SecretTexts;

use super::client::Settings;

/// The key of the token in the Secret.
const TOKEN: &str = "token";

/// Reads the settings that the spec names. A Secret that is not for this Prometheus is not used, and a Service that leads out of the
/// cluster is not asked.
pub(super) async fn settings(spec: &ObservePrometheus, access: &Access) -> Result<Settings, SourceError> {
    let ObservePrometheus { service, url, ca_bundle, secret_ref, queries: _ } = spec;
    let (client, namespace) = (&access.client, &access.namespace);
    let (url, audience) = match (service, url) {
        (Some(service), _) => {
            permit_service(client, namespace, service).await?;
            (service_url(service, namespace), service.scheme.audience(&service.name, service.port))
        }
        (None, Some(url)) => (url.clone(), url.clone()),
        (None, None) => return Err(SourceError::new("NotAUrl", "neither a Service nor a URL is named")),
    };
    let authorities = match ca_bundle {
        Some(bundle) => Some(read_bundle(client, namespace, bundle).await?),
        None => None,
    };
    let secret = match secret_ref {
        Some(secret) => Some(SecretTexts::read(client, namespace, &secret.name).await?),
        None => None,
    };
    let token = match &secret {
        Some(secret) => {
            secret.permit(&[&audience])?;
            secret.permit_authorities(ca_bundle.as_ref())?;
            Some(secret.text(TOKEN)?)
        }
        None => None,
    };
    let settings = Settings::new(&url, authorities.as_deref(), token)?;
    Ok(settings.within(access.answers.clone()))
}

fn service_url(service: &ServiceReference, namespace: &str) -> String {
    let ServiceReference { name, port, scheme } = service;
    let scheme = match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    format!("{scheme}://{name}.{namespace}.svc:{port}")
}

/// A name that is no Service's is not looked up: a search domain might lead it, and a token with it, out of the cluster.
async fn permit_service(
    client: &Client,
    namespace: &str,
    reference: &ServiceReference,
) -> Result<(), SourceError> {
    let name = &reference.name;
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let found = within(&format!("read the Service {name}"), services.get_opt(name)).await?;
    let missing =
        || SourceError::new("ServiceNotFound", format!("there is no Service {name} in this namespace"));
    let service = found.ok_or_else(missing)?;
    let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
    if kind == Some("ExternalName") {
        let message = format!(
            "the Service {name} leads out of the cluster (type: ExternalName): name the URL in prometheus.url, and have the administrator of the operator permit it (allow.urls)"
        );
        return Err(SourceError::new("NotPermitted", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_in_the_tests_namespace() {
        let service = ServiceReference { name: "prometheus".to_owned(), port: 9090, scheme: Scheme::Https };
        assert_eq!(service_url(&service, "pulp"), "https://prometheus.pulp.svc:9090");
    }
}
