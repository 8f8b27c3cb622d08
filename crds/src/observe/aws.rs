//! Amazon's services.

use serde::{Deserialize, Serialize};

use crate::target::SecretReference;

/// How AWS is reached: a region, and whose rights are used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AwsAccess {
    /// The region: `us-east-1`.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 32), regex(pattern = "^[a-z]+(-[a-z]+)+-[0-9]+$"))
    )]
    pub region: String,
    /// A Secret of the test's namespace with the keys `aws_access_key_id` and `aws_secret_access_key`, and, if there
    /// is one, `aws_session_token`. It must carry the annotation `perf.pulpproject.org/for: aws`, or with the endpoint
    /// that is named below. Without it the operator's own rights are used (IRSA, say), for what its administrator
    /// permits (`allow.rdsInstances` and `allow.logGroups` of the chart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretReference>,
    /// A role to be assumed with these rights. The operator's administrator has to permit it (`allow.awsRoles` of the
    /// chart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "kube",
        schemars(
            length(max = 256),
            regex(pattern = "^arn:aws[-a-z]*:iam::[0-9]{12}:role/[-+=,.@_/a-zA-Z0-9]+$")
        )
    )]
    pub role_arn: Option<String>,
    /// Endpoints other than Amazon's own, as of a VPC. The operator's administrator has to permit them (`allow.urls` of
    /// the chart).
    #[serde(default)]
    pub endpoints: AwsEndpoints,
}

/// Endpoints other than Amazon's own: scheme, host and port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AwsEndpoints {
    /// Of all services that are not named below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 300)))]
    pub default: Option<String>,
    /// Of RDS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 300)))]
    pub rds: Option<String>,
    /// Of CloudWatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 300)))]
    pub cloud_watch: Option<String>,
    /// Of CloudWatch Logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 300)))]
    pub logs: Option<String>,
    /// Of Performance Insights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 300)))]
    pub performance_insights: Option<String>,
    /// Of the service that roles are assumed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 300)))]
    pub sts: Option<String>,
}

/// An Amazon RDS instance. CloudWatch has a point for each minute, two or three minutes later: the run waits for them
/// (`timeouts.settle`), and a minute that does not come is a gap, never a zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObserveRds {
    /// The instance's identifier.
    #[cfg_attr(
        feature = "kube",
        schemars(length(min = 1, max = 63), regex(pattern = "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"))
    )]
    pub instance: String,
    /// Metrics of `AWS/RDS` besides the usual ones, by CloudWatch's names: `BurstBalance`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(
        feature = "kube",
        schemars(
            length(max = 32),
            inner(length(min = 1, max = 255), regex(pattern = "^[A-Za-z][A-Za-z0-9]*%?$"))
        )
    )]
    pub metrics: Vec<String>,
    /// Whether Performance Insights is asked, where it is enabled: the load by wait event, and the top statements.
    #[serde(default)]
    pub performance_insights: bool,
}
