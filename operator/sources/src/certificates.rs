//! Certificates of authorities that a test names instead of those of the operator's image.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::Api;
use throughput_crds::CaBundle;

use crate::error::SourceError;
use crate::kubernetes::within;

/// Reads certificates in PEM from the `ConfigMap` that is said to hold them.
pub async fn read_bundle(
    client: &Client,
    namespace: &str,
    bundle: &CaBundle,
) -> Result<Vec<u8>, SourceError> {
    let (name, key) = (&bundle.config_map_ref.name, &bundle.config_map_ref.key);
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = within(&format!("read the ConfigMap {name}"), config_maps.get_opt(name)).await?;
    let missing =
        |what: &str| SourceError::new("CertificatesNotFound", format!("the ConfigMap {name} {what}"));
    let config_map = found.ok_or_else(|| missing("is not in this namespace"))?;
    text(&config_map, key).ok_or_else(|| missing(&format!("has no text under the key {key}")))
}

fn text(config_map: &ConfigMap, key: &str) -> Option<Vec<u8>> {
    let text = config_map.data.as_ref().and_then(|texts| texts.get(key)).map(|text| text.as_bytes().to_vec());
    let bytes = || config_map.binary_data.as_ref()?.get(key).map(|bytes| bytes.0.clone());
    text.or_else(bytes).filter(|pem| !pem.is_empty())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    #[test]
    fn certificates_are_text_or_bytes_but_not_nothing() {
        let config_map = ConfigMap {
            data: Some([("a".to_owned(), "pem".to_owned()), ("c".to_owned(), String::new())].into()),
            binary_data: Some([("b".to_owned(), ByteString(b"pem".to_vec()))].into()),
            ..ConfigMap::default()
        };
        let found: Vec<bool> =
            ["a", "b", "c", "d"].iter().map(|key| text(&config_map, key).is_some()).collect();
        assert_eq!(found, [true, true, false, false]);
    }
}
