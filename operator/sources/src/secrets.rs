//! Secrets that say themselves where they may be sent.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;
use kube::{Client, ResourceExt};
use throughput_crds::{CaBundle, SECRET_CA_ANNOTATION, SECRET_FOR_ANNOTATION};

use crate::error::SourceError;
use crate::kubernetes::within;

/// A Secret's texts by key. They are shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretTexts {
    name: String,
    audience: Option<String>,
    authorities: Option<String>,
    texts: BTreeMap<String, String>,
}

impl std::fmt::Debug for SecretTexts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SecretTexts").field("name", &self.name).finish_non_exhaustive()
    }
}

impl SecretTexts {
    /// Reads a Secret. Before anything of it is used, [`Self::permit`] has to be asked.
    pub async fn read(client: &Client, namespace: &str, name: &str) -> Result<Self, SourceError> {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let secret = within(&format!("read the Secret {name}"), secrets.get_opt(name)).await?;
        let missing =
            || SourceError::new("SecretNotFound", format!("there is no Secret {name} in this namespace"));
        Ok(Self::of(name, &secret.ok_or_else(missing)?))
    }

    pub(crate) fn of(name: &str, secret: &Secret) -> Self {
        let data = secret.data.iter().flatten();
        let texts = data.filter_map(|(key, bytes)| {
            let text = String::from_utf8(bytes.0.clone()).ok()?;
            // A newline at the end comes from an editor, and does not belong to the value.
            Some((key.clone(), text.trim_end_matches(['\r', '\n']).to_owned()))
        });
        Self {
            name: name.to_owned(),
            audience: secret.annotations().get(SECRET_FOR_ANNOTATION).cloned(),
            authorities: secret.annotations().get(SECRET_CA_ANNOTATION).cloned(),
            texts: texts.collect(),
        }
    }

    /// Whether the Secret's owner says that it may be sent to one of these; the first is the one to be named in the
    /// refusal.
    pub fn permit(&self, audiences: &[&str]) -> Result<(), SourceError> {
        if self.audience.as_deref().is_some_and(|audience| audiences.contains(&audience)) {
            return Ok(());
        }
        let (name, first) = (&self.name, audiences.first().copied().unwrap_or_default());
        Err(SourceError::new(
            "SecretNotPermitted",
            format!(
                "the Secret {name} does not say that it may be used for {first}: its owner annotates it with {SECRET_FOR_ANNOTATION}={first}"
            ),
        ))
    }

    /// Whether the Secret's owner says that these certificates may be trusted where it is sent, if there are any.
    pub fn permit_authorities(&self, bundle: Option<&CaBundle>) -> Result<(), SourceError> {
        let Some(CaBundle { config_map_ref }) = bundle else { return Ok(()) };
        let (name, map) = (&self.name, &config_map_ref.name);
        if self.authorities.as_ref() == Some(map) {
            return Ok(());
        }
        Err(SourceError::new(
            "SecretNotPermitted",
            format!(
                "the Secret {name} does not say that certificates of the ConfigMap {map} may be trusted where it is sent: its owner annotates it with {SECRET_CA_ANNOTATION}={map}"
            ),
        ))
    }

    /// The text under a key.
    pub fn text(&self, key: &str) -> Result<&str, SourceError> {
        let text = self.texts.get(key).map(String::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| {
            SourceError::new(
                "SecretKeyMissing",
                format!("the Secret {} has no text under the key {key}", self.name),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use kube::api::ObjectMeta;

    use super::*;

    fn secret(audience: Option<&str>) -> SecretTexts {
        let annotations =
            audience.map(|audience| [(SECRET_FOR_ANNOTATION.to_owned(), audience.to_owned())].into());
        let secret = Secret {
            metadata: ObjectMeta { annotations, ..ObjectMeta::default() },
            data: Some([("url".to_owned(), ByteString(b"hidden\n".to_vec()))].into()),
            ..Secret::default()
        };
        SecretTexts::of("db", &secret)
    }

    #[test]
    fn a_secret_is_used_only_for_whom_it_names() {
        assert_eq!(secret(Some("db:5432")).permit(&["db", "db:5432"]), Ok(()));
        for other in [None, Some("other")] {
            let refusal = secret(other).permit(&["db", "db:5432"]).unwrap_err();
            assert_eq!(refusal.reason, "SecretNotPermitted");
            assert!(refusal.message.ends_with("perf.pulpproject.org/for=db"), "{refusal}");
        }
    }

    #[test]
    fn certificates_of_the_tests_choice_are_trusted_only_where_the_secret_names_them() {
        let bundle: CaBundle =
            serde_json::from_value(serde_json::json!({"configMapRef": {"name": "our-ca"}})).unwrap();
        let named = |map: Option<&str>| SecretTexts { authorities: map.map(str::to_owned), ..secret(None) };
        assert_eq!(named(None).permit_authorities(None), Ok(()));
        assert_eq!(named(Some("our-ca")).permit_authorities(Some(&bundle)), Ok(()));
        for other in [None, Some("other")] {
            let refusal = named(other).permit_authorities(Some(&bundle)).unwrap_err();
            assert_eq!(refusal.reason, "SecretNotPermitted");
            assert!(refusal.message.ends_with("perf.pulpproject.org/ca-config-map=our-ca"), "{refusal}");
        }
    }

    #[test]
    fn a_text_is_without_its_newline_and_never_shown() {
        let secret = secret(None);
        assert_eq!(secret.text("url"), Ok("hidden"));
        assert_eq!(secret.text("key").unwrap_err().reason, "SecretKeyMissing");
        assert!(!format!("{secret:?}").contains("hidden"));
    }
}
