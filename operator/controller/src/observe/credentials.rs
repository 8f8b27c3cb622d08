//! Pulp's user name and password, from a Secret that says itself where it may be sent.

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Client, ResourceExt};
use throughput_crds::SECRET_FOR_ANNOTATION;

use crate::deadline::{RequestError, within};
use crate::observed::Credentials as CredentialsState;
use crate::plan::Plan;

/// Credentials, and the version of the Secret that they are from: another version wants another login.
pub(super) struct Found {
    pub(super) credentials: Option<throughput_pulp::Credentials>,
    pub(super) version: String,
}

/// Reads the plan's credentials; the inner error is the user's to mend.
pub(super) async fn read(
    client: &Client,
    namespace: &str,
    plan: &Plan,
) -> Result<Result<Found, CredentialsState>, RequestError> {
    let Some(name) = &plan.secret else {
        return Ok(Ok(Found { credentials: None, version: String::new() }));
    };
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = within("read the credentials", secrets.get_opt(name)).await?;
    Ok(usable(name, &plan.service, secret.as_ref()))
}

fn usable(name: &str, service: &str, secret: Option<&Secret>) -> Result<Found, CredentialsState> {
    let unusable = |reason, message| CredentialsState::Unusable { reason, message };
    let secret = secret
        .ok_or_else(|| unusable("SecretNotFound", format!("there is no Secret {name} in this namespace")))?;
    if secret.annotations().get(SECRET_FOR_ANNOTATION).map(String::as_str) != Some(service) {
        return Err(unusable(
            "SecretNotPermitted",
            format!(
                "the Secret {name} does not say that it may be sent to the Service {service}: its owner annotates it with {SECRET_FOR_ANNOTATION}={service}"
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
            unusable("SecretKeyMissing", format!("the Secret {name} has no text under the key {key}"))
        })
    };
    Ok(Found {
        credentials: Some(throughput_pulp::Credentials {
            username: text("username")?,
            password: text("password")?,
        }),
        version: format!("{name}/{}", secret.resource_version().unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use kube::api::ObjectMeta;

    use super::*;

    fn secret(service: Option<&str>, keys: &[&str]) -> Secret {
        Secret {
            metadata: ObjectMeta {
                annotations: service.map(|name| [(SECRET_FOR_ANNOTATION.to_owned(), name.to_owned())].into()),
                ..ObjectMeta::default()
            },
            data: Some(keys.iter().map(|key| ((*key).to_owned(), ByteString(b"word\n".to_vec()))).collect()),
            ..Secret::default()
        }
    }

    fn reason(secret: Option<&Secret>) -> &'static str {
        match usable("pulp-admin", "pulp-api", secret) {
            Ok(_) => "usable",
            Err(CredentialsState::Unusable { reason, .. }) => reason,
            Err(CredentialsState::Ready) => "ready",
        }
    }

    #[test]
    fn a_secret_is_used_only_for_the_service_that_it_names() {
        let keys = ["username", "password"];
        assert_eq!(reason(Some(&secret(Some("pulp-api"), &keys))), "usable");
        assert_eq!(reason(Some(&secret(Some("other"), &keys))), "SecretNotPermitted");
        assert_eq!(reason(Some(&secret(None, &keys))), "SecretNotPermitted");
    }

    #[test]
    fn what_a_secret_lacks_is_said() {
        assert_eq!(reason(None), "SecretNotFound");
        assert_eq!(reason(Some(&secret(Some("pulp-api"), &["username"]))), "SecretKeyMissing");
    }
}
