//! The key of the generators' tokens, kept in a Secret of the operator's own namespace.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};

use crate::generators::token::TokenKey;
use crate::objects::deadline::{RequestError, within};
use crate::objects::names::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};

const NAME: &str = "throughput-operator-key";
const ENTRY: &str = "key";

/// No key could be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The API server did not give it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The system has no randomness.
    #[error("cannot make a key: the system gives no random bytes")]
    NoRandomness,
    /// Somebody changed the Secret.
    #[error(
        "the Secret {NAME} holds no key of {} bytes under {ENTRY}: delete it, and a new one is made",
        TokenKey::BYTES
    )]
    Unusable,
}

/// Reads the key, or makes one when there is none yet.
pub async fn read_or_make(client: &Client, namespace: &str) -> Result<TokenKey, KeyError> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    if let Some(secret) = within("read the token key", secrets.get_opt(NAME)).await? {
        return of(&secret);
    }
    let mut bytes = [0; TokenKey::BYTES];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| KeyError::NoRandomness)?;
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            labels: Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY_VALUE.to_owned())].into()),
            ..ObjectMeta::default()
        },
        data: Some([(ENTRY.to_owned(), ByteString(bytes.to_vec()))].into()),
        ..Secret::default()
    };
    match within("store the token key", secrets.create(&PostParams::default(), &secret)).await {
        Ok(secret) => of(&secret),
        Err(error) if error.is_conflict() => of(&within("read the token key", secrets.get(NAME)).await?),
        Err(error) => Err(error.into()),
    }
}

fn of(secret: &Secret) -> Result<TokenKey, KeyError> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(ENTRY)).map(|bytes| bytes.0.clone());
    bytes.and_then(TokenKey::new).ok_or(KeyError::Unusable)
}
