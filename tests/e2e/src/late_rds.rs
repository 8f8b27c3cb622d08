//! An RDS instance whose minutes come late, as CloudWatch's do: the stand-in for AWS, where the cluster's pods reach it.

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use throughput_aws_tests::instance::{EACH_MINUTE, create, put};
use throughput_aws_tests::{Keys, SECRET_KEY, Setting, StandIn, TOKEN};

use crate::{Cluster, secret};

/// An instance, and the account that may read it.
pub struct LateRds {
    /// The stand-in.
    pub aws: StandIn,
    setting: Setting,
    late: SignedDuration,
}

impl LateRds {
    /// Starts the stand-in with an instance of this name, whose minutes are known so long after their ends, and makes a
    /// Secret of the name with the keys. That the operator may reach the URL is the caller's to say.
    pub async fn start(cluster: &Cluster, name: &str, late: SignedDuration) -> Self {
        let aws = StandIn::start_at(cluster.host_address().await);
        let setting = Setting::new(name, aws.url(), Keys::OfSecret);
        // The futures of AWS's clients are too large for a test's stack.
        Box::pin(create(&setting)).await;
        let keys = json!({
            "aws_access_key_id": setting.key, "aws_secret_access_key": SECRET_KEY, "aws_session_token": TOKEN,
        });
        secret(cluster, name, "aws", &keys).await;
        Self { aws, setting, late }
    }

    /// What a spec says of the account and of the instance: `observe.aws` and `observe.rds`.
    pub fn observe(&self) -> (Value, Value) {
        let Setting { aws, rds, .. } = &self.setting;
        let account = json!({
            "region": aws.region, "endpoints": {"default": self.aws.url()}, "secretRef": {"name": rds.instance},
        });
        (account, json!({"instance": rds.instance}))
    }

    /// Has CloudWatch learn of each minute as late as it does, for as long as this is polled.
    pub async fn go_on(&self) {
        let mut known = Timestamp::now().as_second().div_euclid(60) - 10;
        loop {
            let last = (Timestamp::now() - self.late).as_second().div_euclid(60) - 1;
            let minutes: Vec<Timestamp> = (known + 1..=last)
                .map(|minute| Timestamp::from_second(minute * 60).expect("a minute of this time"))
                .collect();
            if !minutes.is_empty() {
                join_all(EACH_MINUTE.map(|metric| put(&self.setting, metric, &minutes, [20.0, 40.0]))).await;
                known = last;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
