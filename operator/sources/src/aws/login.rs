//! The credentials: keys of a Secret or the operator's own identity, and a role that is assumed with them.

use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use throughput_crds::AwsAccess;

use crate::access::Access;
use crate::aws::bounded;
use crate::error::SourceError;
use crate::secrets::SecretTexts;

/// The value of the annotation of a Secret with AWS's keys.
const AUDIENCE: &str = "aws";
/// The name of an assumed role's session may be so long.
const LONGEST_SESSION_NAME: usize = 64;

/// How long one attempt at a call may take.
pub(super) const ATTEMPT_DEADLINE: Duration = Duration::from_secs(8);

/// The configuration that all clients are made of. Nothing is asked of AWS yet, but that the Secret is read.
pub(crate) async fn login(aws: &AwsAccess, access: &Access) -> Result<SdkConfig, SourceError> {
    let AwsAccess { region, secret_ref, role_arn, endpoints } = aws;
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .region(Region::new(region.clone()))
        .timeout_config(timeouts())
        .http_client(bounded::http_client(&access.answers))
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_max_backoff(Duration::from_secs(2)))
        .identity_cache(IdentityCache::lazy().load_timeout(Duration::from_secs(8)).build());
    if let Some(secret) = secret_ref {
        loader = loader.credentials_provider(keys(&secret.name, access).await?);
    }
    if let Some(url) = &endpoints.default {
        loader = loader.endpoint_url(url);
    }
    let own = loader.load().await;
    let Some(role) = role_arn else { return Ok(own) };
    let url = endpoints.sts.as_ref().or(endpoints.default.as_ref()).cloned();
    let mut sts = own.to_builder();
    sts.set_endpoint_url(url);
    let provider = AssumeRoleProvider::builder(role)
        .session_name(session_name(access))
        .configure(&sts.build())
        .build()
        .await;
    Ok(own.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build())
}

/// A call of a source has twenty seconds: less than that, so that it is said what was waited for.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(ATTEMPT_DEADLINE)
        .operation_timeout(Duration::from_secs(12))
        .build()
}

/// The keys of a Secret. A signature tells nothing of the key that it is made with, and holds only for the host that it
/// is made for: so `aws` is enough also where the administrator permitted another endpoint.
async fn keys(secret: &str, access: &Access) -> Result<Credentials, SourceError> {
    let texts = SecretTexts::read(&access.client, &access.namespace, secret).await?;
    texts.permit(&[AUDIENCE])?;
    let (key_id, key) = (texts.text("aws_access_key_id")?, texts.text("aws_secret_access_key")?);
    let session_token = texts.text("aws_session_token").ok().map(str::to_owned);
    Ok(Credentials::new(key_id, key, session_token, None, "Secret"))
}

/// Tells in AWS's audit trail which test asked.
fn session_name(access: &Access) -> String {
    let name = format!("throughput-{}-{}", access.namespace, access.test);
    name.chars().take(LONGEST_SESSION_NAME).collect()
}
