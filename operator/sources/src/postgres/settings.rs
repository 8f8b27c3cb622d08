//! Where the database is and how it is reached: from the Secret and the `ConfigMap` that the spec names.

use throughput_answers::Budget;
use throughput_crds::ObservePostgres;

use crate::access::Access;
use crate::certificates::read_bundle;
use crate::error::SourceError;
use crate::secrets::SecretTexts;

use super::address::Address;
use super::tls::Encryption;

/// The address, the credentials and the encryption of a connection.
#[derive(Clone)]
pub struct Settings {
    pub(super) address: Address,
    /// The name or address that is connected to.
    pub(super) lookup_name: String,
    pub(super) encryption: Encryption,
    /// What its answers share with those of other servers.
    pub(super) answers: Budget,
}

impl Settings {
    /// Reads them. A Secret that is not for this host is not used.
    pub(super) async fn read(spec: &ObservePostgres, access: &Access) -> Result<Self, SourceError> {
        let (client, namespace) = (&access.client, &access.namespace);
        let secret = SecretTexts::read(client, namespace, &spec.secret_ref.name).await?;
        secret.permit_authorities(spec.ca_bundle.as_ref())?;
        let authorities = match &spec.ca_bundle {
            Some(bundle) => Some(read_bundle(client, namespace, bundle).await?),
            None => None,
        };
        let settings = Self::of_secret(&secret, &spec.secret_ref.key, authorities.as_deref(), namespace)?;
        Ok(Self { answers: access.answers.clone(), ..settings })
    }

    fn of_secret(
        secret: &SecretTexts,
        key: &str,
        authorities: Option<&[u8]>,
        namespace: &str,
    ) -> Result<Self, SourceError> {
        let settings = Self::new(secret.text(key)?, authorities, namespace)?;
        let audiences = settings.address.audiences();
        secret.permit(&audiences.each_ref().map(String::as_str))?;
        Ok(settings)
    }

    /// From a connection string, authorities in PEM, and the namespace whose Services have short names.
    pub fn new(
        connection_string: &str,
        authorities: Option<&[u8]>,
        namespace: &str,
    ) -> Result<Self, SourceError> {
        let address = Address::parse(connection_string)?;
        let encryption = Encryption::new(authorities, address.is_verified)?;
        Ok(Self {
            lookup_name: address.lookup_name(namespace),
            address,
            encryption,
            answers: Budget::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use k8s_openapi::api::core::v1::Secret;
    use kube::api::ObjectMeta;
    use throughput_crds::SECRET_FOR_ANNOTATION;

    use super::*;

    fn settings(audience: &str) -> Result<Settings, SourceError> {
        let secret = Secret {
            metadata: ObjectMeta {
                annotations: Some([(SECRET_FOR_ANNOTATION.to_owned(), audience.to_owned())].into()),
                ..ObjectMeta::default()
            },
            data: Some(
                [("url".to_owned(), ByteString(b"postgres://u:p@db:6000/d?sslmode=disable\n".to_vec()))]
                    .into(),
            ),
            ..Secret::default()
        };
        Settings::of_secret(&SecretTexts::of("db", &secret), "url", None, "pulp")
    }

    #[test]
    fn a_connection_string_is_used_only_where_its_secret_names_the_host() {
        assert_eq!(settings("db").unwrap().lookup_name, "db.pulp.svc");
        assert_eq!(settings("db:6000").unwrap().address.port, 6000);
        for other in ["db:5432", "other", ""] {
            let refusal = settings(other).err().unwrap();
            assert_eq!(refusal.reason, "SecretNotPermitted");
            assert!(refusal.message.ends_with("perf.pulpproject.org/for=db"), "{refusal}");
        }
    }
}
