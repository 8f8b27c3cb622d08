//! An Amazon RDS instance: what it is, and what CloudWatch and Performance Insights saw of it.
//!
//! CloudWatch has a point for each minute, two or three minutes later. So nothing is read while tasks run, but once to
//! know early whether it may be read; afterwards it is asked again until the window's last minute is there.

mod cloudwatch;
mod cloudwatch_metric;
mod coverage;
mod failures;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod insights;
mod instance;
mod max_connections;
mod metrics;
mod minutes;
mod record;

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use throughput_core::source_catalog::{Mistake, Wanted};
use throughput_crds::{AwsAccess, ObserveRds};

use crate::access::Access;
use crate::aws;
use crate::error::SourceError;
use crate::rds::cloudwatch_metric::{CloudWatchMetric, asked_for};
use crate::rds::coverage::Coverage;
use crate::rds::failures::Failures;
use crate::rds::instance::{CONNECTIONS_OF_MAXIMUM, Instance, MAX_CONNECTIONS};
pub(crate) use crate::rds::metrics::metrics;
use crate::rds::minutes::Minutes;
use crate::rds::record::{note_coverage, write};
use crate::recording::Recording;
use crate::source::{Settled, Source, Window};

/// The source's name.
pub(crate) const NAME: &str = "rds";
/// Minutes before the window that are asked for, to know what this instance has points of.
const MINUTES_BEFORE: i64 = 15;
/// When CloudWatch is asked again.
const AGAIN: Duration = Duration::from_secs(20);
/// A gap in the middle of a window is filled by then, or never.
const LATEST_SECONDS: i64 = 300;
/// How long Performance Insights may take of the time that a call has.
const LONGEST_INSIGHTS: Duration = Duration::from_secs(6);
/// The key in the recording's memory.
const MEMORY: &str = "instance";

/// An RDS instance.
pub struct Rds {
    settings: ObserveRds,
    aws: AwsAccess,
    access: Access,
    metrics: Vec<CloudWatchMetric>,
    clients: Option<Clients>,
}

#[derive(Clone)]
struct Clients {
    rds: aws_sdk_rds::Client,
    cloud_watch: aws_sdk_cloudwatch::Client,
    insights: aws_sdk_pi::Client,
}

impl Rds {
    /// An instance that nothing was asked of yet.
    pub fn new(settings: ObserveRds, aws: AwsAccess, access: Access) -> Self {
        let metrics = asked_for(&settings);
        Self { settings, aws, access, metrics, clients: None }
    }

    async fn clients(&mut self) -> Result<Clients, SourceError> {
        if let Some(clients) = &self.clients {
            return Ok(clients.clone());
        }
        let config = aws::login(&self.aws, &self.access).await?;
        let endpoints = &self.aws.endpoints;
        let clients = Clients {
            rds: aws::rds(&config, endpoints),
            cloud_watch: aws::cloud_watch(&config, endpoints),
            insights: aws::performance_insights(&config, endpoints),
        };
        Ok(self.clients.insert(clients).clone())
    }

    /// The description of the instance: stored, or asked for.
    async fn instance(
        &self,
        clients: &Clients,
        recording: &mut Recording,
        failures: &mut Failures,
    ) -> Option<Instance> {
        if let Some(instance) = recording.recall(MEMORY) {
            return Some(instance);
        }
        let described = instance::describe(&clients.rds, &self.settings.instance, recording).await;
        let mut instance = failures.note(described.map_err(of_description), recording)?;
        let estimated = instance::estimate_max_connections(&clients.rds, &mut instance, recording).await;
        // Without the estimate there is something to ask again.
        if failures.note(estimated.map_err(of_description), recording).is_some() {
            // An instance is texts and numbers, which can be written.
            let _ = recording.remember(MEMORY, &instance);
        }
        Some(instance)
    }

    async fn first_look(&mut self, recording: &mut Recording) -> Result<(), SourceError> {
        let clients = self.clients().await?;
        let mut failures = Failures::default();
        let now = Timestamp::now();
        let recent = Minutes::of(Window { start: now, end: now }).with_before(MINUTES_BEFORE);
        let name = self.settings.instance.clone();
        let (_, readable) = futures::join!(
            self.instance(&clients, recording, &mut failures),
            cloudwatch::read(&clients.cloud_watch, &name, &self.metrics, recent)
        );
        failures.note(readable, recording);
        failures.take_back_all_others(recording);
        Ok(())
    }

    async fn read(&mut self, window: Window, recording: &mut Recording) -> Result<Settled, SourceError> {
        let clients = self.clients().await?;
        let mut failures = Failures::default();
        let minutes = Minutes::of(window);
        let asked = minutes.with_before(MINUTES_BEFORE);
        let (instance, answer) = futures::join!(
            self.instance(&clients, recording, &mut failures),
            cloudwatch::read(&clients.cloud_watch, &self.settings.instance, &self.metrics, asked)
        );
        let mut settled = Settled::Complete;
        if let Some(answer) = failures.note(answer, recording) {
            let most = instance.as_ref().and_then(|instance| instance.max_connections);
            write(&self.metrics, &answer.points, minutes, most, recording);
            let coverage = coverage::coverage(&self.metrics, &answer.points, minutes);
            note_coverage(&coverage, answer.partial, recording, &mut failures);
            // Of an instance that is not there, nothing will come.
            let may_come = instance.is_some() || answer.points.values().any(|points| !points.is_empty());
            if may_come || failures.may_pass() {
                settled = whether_to_ask_again(&coverage, minutes, Timestamp::now());
            }
        }
        if self.settings.performance_insights
            && let Some(instance) = &instance
        {
            let seen = self.read_insights(&clients, instance, minutes, recording).await;
            failures.note(seen.map_err(|error| error.only_of([insights::LOAD_BY_WAIT])), recording);
        }
        failures.take_back_all_others(recording);
        if failures.has("ExpiredToken") {
            // Whoever renews the Secret's keys does so in the Secret.
            self.clients = None;
        }
        Ok(if failures.may_pass() { Settled::Again(AGAIN) } else { settled })
    }

    async fn read_insights(
        &self,
        clients: &Clients,
        instance: &Instance,
        minutes: Minutes,
        recording: &mut Recording,
    ) -> Result<(), SourceError> {
        let name = &self.settings.instance;
        match (&instance.resource_id, instance.performance_insights) {
            (_, Some(false)) => {
                let message = format!("Performance Insights is not enabled for {name}");
                Err(SourceError::new("PerformanceInsightsOff", message))
            }
            (Some(resource_id), _) => {
                let reading = insights::read(&clients.insights, resource_id, minutes, recording);
                tokio::time::timeout(LONGEST_INSIGHTS, reading).await.unwrap_or_else(|_| {
                    let seconds = LONGEST_INSIGHTS.as_secs();
                    let message = format!("no answer of Performance Insights within {seconds} s");
                    Err(SourceError::new("DeadlineExceeded", message))
                })
            }
            (None, _) => {
                let message = format!("AWS does not tell the resource id of {name}");
                Err(SourceError::new("InvalidResponse", message))
            }
        }
    }
}

/// The permission that reading it needs, if any; or the mistake that the region is missing.
pub(crate) fn check(settings: &ObserveRds, aws: Option<&AwsAccess>) -> Result<Vec<Wanted>, Mistake> {
    let aws = aws.ok_or_else(|| {
        Mistake("observe.rds needs to know the region: write observe.aws: {region: …}".to_owned())
    })?;
    Ok(aws::check_instance(settings, aws).into_iter().collect())
}

impl Source for Rds {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin<'a>(&'a mut self, recording: &'a mut Recording) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.first_look(recording))
    }

    fn settle<'a>(
        &'a mut self,
        window: Window,
        recording: &'a mut Recording,
    ) -> BoxFuture<'a, Result<Settled, SourceError>> {
        Box::pin(self.read(window, recording))
    }
}

/// Without the instance's description CloudWatch's figures are still whole, unless there is no such instance.
fn of_description(error: SourceError) -> SourceError {
    if error.reason == "InstanceNotFound" {
        return error;
    }
    error.only_of([MAX_CONNECTIONS, CONNECTIONS_OF_MAXIMUM, insights::LOAD_BY_WAIT])
}

fn whether_to_ask_again(coverage: &Coverage<'_>, window: Minutes, now: Timestamp) -> Settled {
    let is_recent = now.as_second() < window.end_second() + LATEST_SECONDS;
    if coverage.lacks_the_end || (is_recent && !coverage.is_complete()) {
        Settled::Again(AGAIN)
    } else {
        Settled::Complete
    }
}

#[cfg(test)]
mod tests {
    use throughput_core::source_catalog::SourceCatalog;

    use super::*;
    use crate::registry::Registry;

    fn settings() -> ObserveRds {
        ObserveRds { instance: "pulp".to_owned(), metrics: Vec::new(), performance_insights: true }
    }

    #[test]
    fn it_is_asked_again_until_the_end_is_there_and_for_a_gap_only_while_it_may_fill() {
        let window = Minutes { first: 0, last: 9 };
        let metrics = asked_for(&settings());
        let gap = |minute| Coverage {
            percent: 90.0,
            lacks_the_end: minute == window.last,
            missing: [(&metrics[0].names, vec![minute])].into(),
            unknown: Vec::new(),
        };
        for (minute, now, expected) in [
            (5, 600 + LATEST_SECONDS - 1, Settled::Again(AGAIN)),
            (5, 600 + LATEST_SECONDS, Settled::Complete),
            (9, 600 + LATEST_SECONDS, Settled::Again(AGAIN)),
        ] {
            let now = Timestamp::from_second(now).unwrap();
            assert_eq!(whether_to_ask_again(&gap(minute), window, now), expected);
        }
    }

    #[test]
    fn the_catalog_has_the_figures_of_the_usual_metrics_and_of_those_asked_for() {
        let observe = throughput_crds::Observe {
            rds: Some(ObserveRds { metrics: vec!["ReplicaLag".to_owned()], ..settings() }),
            ..throughput_crds::Observe::default()
        };
        let figures = Registry.figure_names(&observe);
        for figure in [
            "rds.cpuPercent.max",
            "rds.replicaLagSeconds.mean",
            "rds.databaseConnectionsPercentOfMax.max",
            "rds.coveragePercent",
            "rds.maxConnections",
            "rds.dbLoadByWait.max",
        ] {
            assert!(figures.contains(figure), "{figure}");
        }
    }
}
