//! What Pulp asks for, from Secrets that say themselves where they may be sent, and whom its certificate is from.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::Api;
use kube::{Client, ResourceExt};
use throughput_core::kinds::pulp_tasks::plan::Subject;
use throughput_core::plan::destination::ConfigMapKey;
use throughput_core::reason::{Reason, Why};
use throughput_model::workload::Authentication;
use throughput_pulp::ClientCertificate;

use super::secret_use::{Purpose, permitted};
use crate::objects::deadline::within;
use crate::objects::obstacle::Obstacle;

/// What a client of Pulp is made of, and the versions of what it was read from: others want another client.
pub(super) struct Found {
    pub(super) credentials: Option<throughput_pulp::Credentials>,
    pub(super) certificates: Option<Vec<u8>>,
    pub(super) client_certificate: Option<ClientCertificate>,
    pub(super) version: String,
}

/// Reads a target's credentials and certificates; refused where they may not be used, or cannot.
pub(super) async fn read(
    client: &Client,
    namespace: &str,
    subject: Subject<'_>,
    purpose: Purpose,
) -> Result<Found, Obstacle> {
    let Subject { target, pulp } = subject;
    let (secrets, maps): (Api<Secret>, Api<ConfigMap>) =
        (Api::namespaced(client.clone(), namespace), Api::namespaced(client.clone(), namespace));
    let mut found =
        Found { credentials: None, certificates: None, client_certificate: None, version: String::new() };
    let mut versions = vec![target.name.clone()];
    if let Some(name) = &pulp.secret {
        let secret = within("read the credentials", secrets.get_opt(name)).await?;
        let secret = permitted(name, subject, purpose, secret.as_ref())?;
        found.credentials = Some(login(name, subject, secret)?);
        versions.push(secret.resource_version().unwrap_or_default());
    }
    if let Some(name) = &target.trust.client_certificate {
        let secret = within("read the certificate to show", secrets.get_opt(name)).await?;
        let secret = permitted(name, subject, purpose, secret.as_ref())?;
        let (certificate, key) = (text(name, secret, "tls.crt")?, text(name, secret, "tls.key")?);
        found.client_certificate = Some(ClientCertificate::new(certificate.as_bytes(), key.as_bytes()));
        versions.push(secret.resource_version().unwrap_or_default());
    }
    if let Some(bundle) = &target.trust.ca_bundle {
        let map = within("read the CA bundle", maps.get_opt(&bundle.name)).await?;
        found.certificates = Some(certificates(bundle, map.as_ref())?);
        versions.push(map.and_then(|map| map.resource_version()).unwrap_or_default());
    }
    found.version = versions.join("/");
    Ok(found)
}

/// What requests authenticate with.
fn login(name: &str, subject: Subject<'_>, secret: &Secret) -> Result<throughput_pulp::Credentials, Why> {
    let endpoint = &subject.pulp.endpoint;
    let text = |key| text(name, secret, key);
    Ok(match &endpoint.authentication {
        Authentication::Header { .. } => throughput_pulp::Credentials::Header { value: text("value")? },
        Authentication::Bearer => throughput_pulp::Credentials::Token { token: text("token")? },
        Authentication::Session | Authentication::Basic | Authentication::None => {
            throughput_pulp::Credentials::Password {
                username: match &endpoint.username {
                    Some(username) => username.clone(),
                    None => text("username")?,
                },
                password: text("password")?,
            }
        }
    })
}

/// A Secret's text under a key.
fn text(name: &str, secret: &Secret, key: &str) -> Result<String, Why> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(key));
    let text = bytes.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok());
    // A newline at the end comes from an editor, and does not belong to the value.
    let text =
        text.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        Why::new(Reason::SecretKeyMissing, format!("the Secret {name} has no text under the key {key}"))
    })
}

fn certificates(bundle: &ConfigMapKey, map: Option<&ConfigMap>) -> Result<Vec<u8>, Why> {
    let ConfigMapKey { name, key } = bundle;
    let map = map.ok_or_else(|| {
        Why::new(
            Reason::CaBundleNotFound,
            format!("there is no ConfigMap {name} in this namespace (tls.caBundle)"),
        )
    })?;
    let text = map.data.as_ref().and_then(|data| data.get(key)).filter(|text| text.contains("-----BEGIN "));
    text.map(|text| text.clone().into_bytes()).ok_or_else(|| {
        Why::new(
            Reason::CaBundleKeyMissing,
            format!("the ConfigMap {name} has no certificates in PEM under the key {key} (tls.caBundle)"),
        )
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use serde_json::{Value, json};
    use throughput_core::plan::Plan;
    use throughput_core::plan::permissions::Permissions;
    use throughput_pulp::Credentials;
    use throughput_sources::registry::Registry;

    use super::*;

    /// What a Secret with these keys, each of the text `word`, logs in with.
    fn read(credentials: &Value, keys: &[&str]) -> Result<Credentials, &'static str> {
        let spec = json!({
            "targets": [{
                "name": "pulp", "service": {"name": "pulp-api", "port": 24817},
                "credentials": credentials, "pulp": {},
            }],
            "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}}],
            "workload": {"pulpTasks": {"tasks": 10}},
        });
        let spec = serde_json::from_value(spec).unwrap();
        let plan = Plan::new("pulp", &spec, &Permissions::default(), &Registry).unwrap();
        let data = keys.iter().map(|key| ((*key).to_owned(), ByteString(b"word\n".to_vec())));
        let secret = Secret { data: Some(data.collect()), ..Secret::default() };
        login("pulp-admin", plan.subject(0).unwrap(), &secret).map_err(|why| why.reason.as_str())
    }

    fn password(username: &str) -> Credentials {
        Credentials::Password { username: username.to_owned(), password: "word".to_owned() }
    }

    #[test]
    fn each_method_takes_its_own_keys_of_the_secret() {
        let secret = || json!({"name": "pulp-admin"});
        let known = json!({"username": "perf", "secretRef": secret()});
        let bearer = json!({"method": "Bearer", "secretRef": secret()});
        let header = json!({"method": "Header", "header": "x-rh-identity", "secretRef": secret()});
        let session = json!({"secretRef": secret()});
        assert_eq!(read(&session, &["username", "password"]), Ok(password("word")));
        assert_eq!(read(&known, &["password"]), Ok(password("perf")));
        assert_eq!(read(&bearer, &["token"]), Ok(Credentials::Token { token: "word".to_owned() }));
        assert_eq!(read(&header, &["value"]), Ok(Credentials::Header { value: "word".to_owned() }));
        for (credentials, keys) in
            [(&session, ["password"]), (&known, ["username"]), (&bearer, ["value"]), (&header, ["token"])]
        {
            assert_eq!(read(credentials, &keys), Err("SecretKeyMissing"), "{credentials}");
        }
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
