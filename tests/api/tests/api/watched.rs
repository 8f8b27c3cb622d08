//! A `ThroughputTest` as those see it who wait for it.

use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;
use serde_json::json;
use throughput_api_tests::Tenant;
use throughput_crds::{ConditionStatus, ConditionType, ThroughputTest, ThroughputTestStatus};
use throughput_test_support::wait::eventually;

/// A test in a namespace.
pub(crate) struct Watched<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) name: &'a str,
}

impl Watched<'_> {
    fn api(&self) -> Api<ThroughputTest> {
        self.tenant.api()
    }

    /// The test now.
    pub(crate) async fn now(&self) -> ThroughputTest {
        self.api().get(self.name).await.unwrap()
    }

    /// The status once it is as wanted.
    pub(crate) async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&ThroughputTestStatus) -> bool,
    ) -> ThroughputTestStatus {
        eventually(what, async || self.now().await.status.unwrap_or_default(), wanted).await
    }

    /// The message of a condition, once it has this status and reason.
    pub(crate) async fn until_condition(
        &self,
        type_: ConditionType,
        status: ConditionStatus,
        reason: &str,
    ) -> String {
        let what = format!("{type_:?} {status:?} because of {reason}");
        let seen = self.until(&what, |seen| condition(seen, type_) == Some((status, reason))).await;
        seen.conditions.into_iter().find(|condition| condition.type_ == type_).unwrap().message
    }

    /// The message of the condition that says why the test waits, once it waits for this reason.
    pub(crate) async fn until_it_waits_for(&self, reason: &str) -> String {
        let message = self.until_condition(ConditionType::TargetsReady, ConditionStatus::False, reason).await;
        let status = self.now().await.status.unwrap();
        assert_eq!(condition(&status, ConditionType::Accepted), Some((ConditionStatus::True, "Planned")));
        assert_eq!(
            condition(&status, ConditionType::Finished),
            Some((ConditionStatus::False, "NotFinished"))
        );
        assert_eq!(status.verdict, None);
        message
    }

    /// Makes the operator look at once, which it otherwise does every few seconds.
    pub(crate) async fn poke(&self) {
        let now = jiff::Timestamp::now().as_nanosecond().to_string();
        let poke = json!({"metadata": {"labels": {"poked-at": now}}});
        self.api().patch(self.name, &PatchParams::default(), &Patch::Merge(poke)).await.unwrap();
    }

    /// Deletes the test, without waiting until it is gone.
    pub(crate) async fn delete(&self) {
        self.api().delete(self.name, &DeleteParams::default()).await.unwrap();
    }

    /// Ends the test before its time.
    pub(crate) async fn abort(&self) {
        let abort = json!({"spec": {"abort": true}});
        self.api().patch(self.name, &PatchParams::default(), &Patch::Merge(abort)).await.unwrap();
    }

    /// Waits until the test is gone.
    pub(crate) async fn until_it_is_gone(&self) {
        eventually(
            "the test is gone",
            async || self.api().get_opt(self.name).await.unwrap(),
            Option::is_none,
        )
        .await;
    }
}

/// A condition's status and reason.
pub(crate) fn condition(
    status: &ThroughputTestStatus,
    type_: ConditionType,
) -> Option<(ConditionStatus, &str)> {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((condition.status, condition.reason.as_str()))
}

/// The names of all objects of a kind in the namespace, but for the operator's own.
pub(crate) async fn names<K>(tenant: &Tenant) -> Vec<String>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let objects: Api<K> = tenant.api();
    let names =
        objects.list(&ListParams::default()).await.unwrap().items.into_iter().map(|object| object.name_any());
    names.filter(|name| !name.starts_with("throughput-operator")).collect()
}
