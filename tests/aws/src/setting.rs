//! A source as a run has it, but that AWS is the stand-in and the API server knows one Secret.

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use throughput_crds::{AwsAccess, AwsEndpoints, ObserveRds, SecretReference};
use throughput_sources::access::Access;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Source, Window};
use throughput_test_support::sources::access;

/// The key of a Secret that is to be seen nowhere.
pub const SECRET_KEY: &str = "the-secret-key-of-these-tests";
/// The session's token of a Secret that is to be seen nowhere.
pub const TOKEN: &str = "the-session-token-of-these-tests";
/// What access key ids begin with.
pub const ACCESS_KEY: &str = "AKIA";

const REGION: &str = "eu-central-1";

/// Whose rights a source uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Those of a Secret that may be used for AWS.
    OfSecret,
    /// Those of a Secret that may be used for something else.
    OfSecretForOther,
    /// The operator's own.
    OfOperator,
}

/// A source in the making. Its instance and access key id are named after the test, so that tests do not meet.
pub struct Setting {
    /// The access key id.
    pub key: String,
    /// How AWS is reached.
    pub aws: AwsAccess,
    /// The instance.
    pub rds: ObserveRds,
    /// The Secret's audience; none where there is no Secret.
    audience: Option<&'static str>,
}

impl Setting {
    /// One for the test with this name, with AWS at this URL.
    pub fn new(test: &str, url: &str, keys: Keys) -> Self {
        let secret_ref = (keys != Keys::OfOperator).then(|| SecretReference { name: "aws-keys".to_owned() });
        let endpoints = AwsEndpoints { default: Some(url.to_owned()), ..AwsEndpoints::default() };
        Self {
            key: format!("{ACCESS_KEY}{}", test.to_uppercase().replace('-', "")),
            aws: AwsAccess { region: REGION.to_owned(), secret_ref, role_arn: None, endpoints },
            rds: ObserveRds { instance: test.to_owned(), metrics: Vec::new(), performance_insights: false },
            audience: match keys {
                Keys::OfSecret => Some("aws"),
                Keys::OfSecretForOther => Some("database"),
                Keys::OfOperator => None,
            },
        }
    }

    /// What a source reaches the world with.
    pub fn access(&self) -> Access {
        Access { test: "tasks-10k".to_owned(), ..access(self.api_server(), "perf") }
    }

    /// The source that watches the instance, by the way that the operator opens it.
    pub fn source(&self) -> Box<dyn Source> {
        let observe = throughput_crds::Observe {
            aws: Some(self.aws.clone()),
            rds: Some(self.rds.clone()),
            ..throughput_crds::Observe::default()
        };
        throughput_sources::open::open(&observe, &self.access()).remove(0)
    }

    /// What AWS's own clients are made of, to prepare the stand-in.
    pub async fn config(&self) -> aws_config::SdkConfig {
        let keys = Credentials::new(&self.key, "any", None, None, "test");
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).region(Region::new(REGION));
        let url = self.aws.endpoints.default.clone().unwrap_or_default();
        loader.credentials_provider(keys).endpoint_url(url).load().await
    }

    fn api_server(&self) -> Client {
        let (key, audience) = (self.key.clone(), self.audience);
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let found = request.uri().path() == "/api/v1/namespaces/perf/secrets/aws-keys";
            let answer = match audience {
                Some(audience) if found => secret(&key, audience),
                _ => json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}),
            };
            let status = if answer["kind"] == "Secret" { 200 } else { 404 };
            let body = Body::from(answer.to_string().into_bytes());
            std::future::ready(http::Response::builder().status(status).body(body))
        });
        Client::new(service, "perf")
    }
}

fn secret(key: &str, audience: &str) -> serde_json::Value {
    let texts =
        [("aws_access_key_id", key), ("aws_secret_access_key", SECRET_KEY), ("aws_session_token", TOKEN)];
    let data: std::collections::BTreeMap<String, k8s_openapi::ByteString> = texts
        .into_iter()
        .map(|(name, text)| (name.to_owned(), k8s_openapi::ByteString(text.as_bytes().to_vec())))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "aws-keys", "annotations": {"perf.pulpproject.org/for": audience}},
        "data": data,
    })
}

/// The window between two whole minutes, so long ago. It begins and ends a little within them.
pub fn minutes_ago(from: i64, to: i64) -> Window {
    let minute = Timestamp::now().as_second().div_euclid(60);
    let of = |minutes: i64| Timestamp::from_second((minute - minutes) * 60).unwrap();
    let little = SignedDuration::from_millis(1_500);
    Window { start: of(from) + little, end: of(to) - little }
}

/// Asks a source for what is known afterwards, and has it write into the recording.
pub async fn settle(source: &mut dyn Source, window: Window, recording: &mut Recording) -> Settled {
    source.settle(window, recording).await.expect("what fails is a shortfall in the recording")
}
