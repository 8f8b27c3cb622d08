//! The operator's key, kept in a Secret of its own namespace.
//!
//! What was signed with a key that is gone is believed by nobody. So a new one is made only where there is none, the
//! Secret cannot be changed, and the operator that has its key in memory stores it again when the Secret is deleted.

use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio_util::sync::CancellationToken;

use crate::generators::token::TokenKey;
use crate::objects::deadline::{RequestError, within};
use crate::objects::names::{MANAGED_BY_LABEL, MANAGED_BY_VALUE};

const NAME: &str = "throughput-operator-key";
const ENTRY: &str = "key";

/// How often to look whether the Secret is there.
const PERIOD: Duration = Duration::from_mins(1);

/// No key could be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The API server did not give it.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The system has no randomness.
    #[error("cannot make a key: the system gives no random bytes")]
    NoRandomness,
    /// Somebody made the Secret anew.
    #[error(
        "the Secret {NAME} holds no key of {} bytes under {ENTRY}: put the one from before back. Without it, delete the Secret, and a new one is made; claims that are left are then to be put back by hand",
        TokenKey::BYTES
    )]
    Unusable,
}

/// Reads the key; `None` when there is none yet.
pub async fn read(client: &Client, namespace: &str) -> Result<Option<TokenKey>, KeyError> {
    let secret = within("read the operator's key", secrets(client, namespace).get_opt(NAME)).await?;
    secret.as_ref().map(of).transpose()
}

/// Reads the key, or makes one when there is none yet.
pub async fn read_or_make(client: &Client, namespace: &str) -> Result<TokenKey, KeyError> {
    if let Some(key) = read(client, namespace).await? {
        return Ok(key);
    }
    tracing::info!("there is no key yet; a new one is made");
    store(client, namespace, &make()?).await
}

/// A new key, which is not stored.
pub(crate) fn make() -> Result<TokenKey, KeyError> {
    let mut bytes = vec![0; TokenKey::BYTES];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| KeyError::NoRandomness)?;
    TokenKey::new(bytes).ok_or(KeyError::NoRandomness)
}

/// Stores the key again whenever its Secret is gone, until `work` is cancelled.
pub(crate) async fn keep_stored(client: &Client, namespace: &str, key: &TokenKey, work: &CancellationToken) {
    let keeping = async {
        let mut differed = false;
        loop {
            tokio::time::sleep(PERIOD).await;
            match restore(client, namespace, key).await {
                Ok(same) => {
                    if !same && !differed {
                        tracing::error!(
                            secret = NAME,
                            "holds another key than this operator was started with: what is claimed now will not be put back after its next start"
                        );
                    }
                    differed = !same;
                }
                Err(error) => tracing::warn!(%error, "cannot look whether the key is stored"),
            }
        }
    };
    let _: Option<()> = work.run_until_cancelled(keeping).await;
}

/// Stores the key again if its Secret is gone; whether it is stored.
pub async fn restore(client: &Client, namespace: &str, key: &TokenKey) -> Result<bool, KeyError> {
    let stored = match read(client, namespace).await {
        Ok(Some(stored)) => stored,
        Ok(None) => {
            tracing::warn!(
                secret = NAME,
                "was deleted while the operator runs; it is made again with the same key"
            );
            store(client, namespace, key).await?
        }
        Err(KeyError::Unusable) => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(stored == *key)
}

/// Stores a key, unless there is one; the one that is stored then.
async fn store(client: &Client, namespace: &str, key: &TokenKey) -> Result<TokenKey, KeyError> {
    let secrets = secrets(client, namespace);
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            labels: Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY_VALUE.to_owned())].into()),
            ..ObjectMeta::default()
        },
        data: Some([(ENTRY.to_owned(), ByteString(key.bytes().to_vec()))].into()),
        immutable: Some(true),
        ..Secret::default()
    };
    match within("store the operator's key", secrets.create(&PostParams::default(), &secret)).await {
        Ok(secret) => of(&secret),
        Err(error) if error.is_conflict() => of(&within("read the operator's key", secrets.get(NAME)).await?),
        Err(error) => Err(error.into()),
    }
}

fn secrets(client: &Client, namespace: &str) -> Api<Secret> {
    Api::namespaced(client.clone(), namespace)
}

fn of(secret: &Secret) -> Result<TokenKey, KeyError> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(ENTRY)).map(|bytes| bytes.0.clone());
    bytes.and_then(TokenKey::new).ok_or(KeyError::Unusable)
}
