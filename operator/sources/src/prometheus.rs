//! Queries to a Prometheus over a cell's window, asked once the window has ended.

mod address;
mod answer;
mod client;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod query;

use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use jiff::Timestamp;
use throughput_core::source_catalog::{Mistake, Wanted};
use throughput_crds::{ObservePrometheus, PrometheusQuery};
use throughput_model::substitution;

use crate::access::Access;
use crate::error::SourceError;
use crate::metric::{Better, Metric};
use crate::recording::Recording;
use crate::source::{Settled, Source, Window};

use answer::Understood;
pub use client::Settings;
use query::Query;

/// The source's name.
pub(crate) const NAME: &str = "prometheus";
/// How long after a window its last scrape is taken to be over: the usual time-out of a scrape.
const SCRAPE: Duration = Duration::from_secs(10);
/// When those are asked again that had no value at the window's end: the usual interval of scrapes.
const AGAIN: Duration = Duration::from_secs(15);
/// How often it is tried to find out where Prometheus is, and how long it is from one to the next.
const MOST_TRIES: u32 = 3;
const NEXT_TRY: Duration = Duration::from_secs(10);
/// How many queries are asked at once.
const AT_ONCE: usize = 4;
/// After how long the rest is left for the next call, which has a deadline of its own.
const ENOUGH: Duration = Duration::from_secs(6);

/// The metrics of this source.
pub(crate) fn metrics(spec: &ObservePrometheus) -> Vec<Metric> {
    let metric = |PrometheusQuery { name, range, instant: _ }: &PrometheusQuery| {
        if range.is_some() {
            Metric::series(name, Better::Neither)
        } else {
            Metric::figure(format!("{name}.value"), Better::Neither)
        }
    };
    spec.queries.iter().map(metric).collect()
}

/// The permission that its URL needs, if any; or the mistake in it.
pub(crate) fn check(spec: &ObservePrometheus) -> Result<Vec<Wanted>, Mistake> {
    let is_plain_url = spec.url.as_ref().is_some_and(|url| !url.starts_with("https://"));
    let is_plain_service =
        spec.service.as_ref().is_some_and(|service| service.scheme == throughput_crds::Scheme::Http);
    if spec.ca_bundle.is_some() && (is_plain_url || is_plain_service) {
        return Err(Mistake(
            "observe.prometheus: a caBundle is for an encrypted Prometheus: write service.scheme: https, or a url that begins with https://"
                .to_owned(),
        ));
    }
    for PrometheusQuery { name, range, instant } in &spec.queries {
        for expression in range.iter().chain(instant) {
            substitution::check(expression, &[query::WINDOW])
                .map_err(|unknown| Mistake(format!("observe.prometheus.queries: {name}: {unknown}")))?;
        }
    }
    Ok(spec.url.iter().cloned().map(Wanted::Url).collect())
}

/// The source.
pub struct Prometheus {
    queries: Vec<PrometheusQuery>,
    origin: Origin,
    settings: Option<Settings>,
    /// The last answers, in the queries' order.
    answers: Vec<Option<Understood>>,
    has_asked_again: bool,
    tries: u32,
}

/// Where the settings come from.
enum Origin {
    Named(Box<(ObservePrometheus, Access)>),
    Given(Box<Settings>),
}

impl Prometheus {
    /// The Prometheus that the spec names.
    pub fn new(spec: &ObservePrometheus, access: &Access) -> Self {
        Self::at(spec, Origin::Named(Box::new((spec.clone(), access.clone()))))
    }

    /// One that is reached by these settings, whatever the spec says of where it is.
    pub fn with_settings(spec: &ObservePrometheus, settings: Settings) -> Self {
        Self::at(spec, Origin::Given(Box::new(settings)))
    }

    fn at(spec: &ObservePrometheus, origin: Origin) -> Self {
        let answers = spec.queries.iter().map(|_| None).collect();
        Self {
            queries: spec.queries.clone(),
            origin,
            settings: None,
            answers,
            has_asked_again: false,
            tries: 0,
        }
    }

    async fn current_settings(&mut self) -> Result<Settings, SourceError> {
        if let Some(settings) = &self.settings {
            return Ok(settings.clone());
        }
        let settings = match &self.origin {
            Origin::Named(named) => address::settings(&named.0, &named.1).await?,
            Origin::Given(settings) => (**settings).clone(),
        };
        Ok(self.settings.insert(settings).clone())
    }

    async fn ask(&mut self, window: Window, recording: &mut Recording) -> Result<Settled, SourceError> {
        if let Some(rest) = until(window, SCRAPE) {
            return Ok(Settled::Again(rest));
        }
        let settings = match self.current_settings().await {
            Ok(settings) => settings,
            Err(error) => {
                self.tries += 1;
                if self.tries >= MOST_TRIES {
                    return Err(error);
                }
                recording.fall_short(&error, Timestamp::now());
                return Ok(Settled::Again(NEXT_TRY));
            }
        };
        let queries: Vec<Query> = self.queries.iter().map(|query| Query::new(query, window)).collect();
        if !self.ask_rest(&settings, &queries).await {
            return Ok(Settled::Again(Duration::ZERO));
        }
        if !self.has_asked_again && self.forget_unfinished(&queries) {
            self.has_asked_again = true;
            return Ok(Settled::Again(AGAIN));
        }
        for (query, answer) in queries.iter().zip(&mut self.answers) {
            recording.set_fact(&format!("query {}", query.name), &query.expression);
            if let Some(understood) = answer.take() {
                understood.note(query, Timestamp::now(), recording);
            }
        }
        Ok(Settled::Complete)
    }

    /// Asks those that have no answer yet; whether all have one then.
    async fn ask_rest(&mut self, settings: &Settings, queries: &[Query]) -> bool {
        let started = Instant::now();
        loop {
            let missing: Vec<usize> = (0..queries.len()).filter(|at| self.answers[*at].is_none()).collect();
            if missing.is_empty() || started.elapsed() >= ENOUGH {
                return missing.is_empty();
            }
            let now = &missing[..missing.len().min(AT_ONCE)];
            let answers = join_all(now.iter().map(|at| settings.ask(&queries[*at]))).await;
            for (at, answer) in now.iter().zip(answers) {
                self.answers[*at] = Some(answer);
            }
        }
    }

    /// Forgets the answers that may become more; whether there are any.
    fn forget_unfinished(&mut self, queries: &[Query]) -> bool {
        let mut is_any = false;
        for (query, answer) in queries.iter().zip(&mut self.answers) {
            if answer.as_ref().is_some_and(|answer| answer.may_become_more(query)) {
                *answer = None;
                is_any = true;
            }
        }
        is_any
    }
}

/// How long it is from now until so long after the window; none when that is over.
fn until(window: Window, after: Duration) -> Option<Duration> {
    let since = Timestamp::now().duration_since(window.end);
    let after = jiff::SignedDuration::try_from(after).ok()?;
    Duration::try_from(after - since).ok().filter(|rest| !rest.is_zero())
}

impl Source for Prometheus {
    fn name(&self) -> &'static str {
        NAME
    }

    fn settle<'a>(
        &'a mut self,
        window: Window,
        recording: &'a mut Recording,
    ) -> BoxFuture<'a, Result<Settled, SourceError>> {
        self.ask(window, recording).boxed()
    }
}
