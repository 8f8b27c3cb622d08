//! A search in one log group, page by page or by a query.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{QueryStatistics, QueryStatus, ResultField};
use jiff::Timestamp;
use throughput_crds::{AwsAccess, CloudWatchLogs};
use tokio::time::{Instant, sleep};

use super::question;
use crate::access::Access;
use crate::aws::{self, failure};
use crate::error::SourceError;
use crate::source::Window;

/// How long it is gone on with in one call at most, but for the request that is under way.
pub(super) const LONGEST_STEP: Duration = Duration::from_secs(6);
/// How often the state of a query is asked for.
const POLL: Duration = Duration::from_secs(1);
/// The most pages of a search: each has up to a megabyte.
const MOST_PAGES: u32 = 200;

/// A client of CloudWatch Logs, with the rights and at the endpoint that a spec names.
pub async fn connect(aws: &AwsAccess, access: &Access) -> Result<Client, SourceError> {
    Ok(aws::logs(&aws::login(aws, access).await?, &aws.endpoints))
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// When it was written.
    pub at: Timestamp,
    /// The stream of the group that it is in.
    pub stream: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not at its end: it is to be asked to proceed again.
    UnderWay,
    /// All lines were found.
    Complete,
    /// This many lines more would have been found than are ever handed out.
    LeftOut(u64),
}

/// A search in one log group, which can be interrupted between any two answers.
#[derive(Debug)]
pub struct Search {
    group: String,
    window: Window,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Page by page: the filter, the next page's token, and how many there were.
    Pages { filter: Option<String>, token: Option<String>, read: u32 },
    /// By a query, once it is started.
    Query { text: String, id: Option<String> },
    /// At its end.
    Over(Progress),
}

impl Search {
    /// A search for lines that have any of these terms in them; for all lines when there is no term.
    pub fn new(logs: &CloudWatchLogs, terms: &[&str], window: Window) -> Self {
        let CloudWatchLogs { log_group, insights } = logs;
        let state = if *insights {
            State::Query { text: question::query(terms), id: None }
        } else {
            State::Pages { filter: question::filter(terms), token: None, read: 0 }
        };
        Self { group: log_group.clone(), window, state }
    }

    /// The log group that is searched.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Goes on for a few seconds, and hands out what it finds; no line twice.
    pub async fn proceed(
        &mut self,
        client: &Client,
        take: impl FnMut(Line<'_>) + Send,
    ) -> Result<Progress, SourceError> {
        self.proceed_until(client, Instant::now() + LONGEST_STEP, take).await
    }

    /// Goes on until an instant, but for the request that is under way; at least for one request.
    pub(super) async fn proceed_until(
        &mut self,
        client: &Client,
        until: Instant,
        mut take: impl FnMut(Line<'_>) + Send,
    ) -> Result<Progress, SourceError> {
        loop {
            match &self.state {
                State::Pages { .. } => self.read_page(client, &mut take).await?,
                State::Query { id: None, .. } => self.start_query(client).await?,
                State::Query { id: Some(_), .. } => self.ask_for_results(client, &mut take).await?,
                State::Over(progress) => return Ok(*progress),
            }
            if Instant::now() >= until {
                return Ok(self.progress());
            }
            if matches!(self.state, State::Query { .. }) {
                sleep(POLL).await;
            }
        }
    }

    /// Stops a query that nobody waits for any more: it would be billed.
    pub async fn stop(&mut self, client: &Client) -> Result<(), SourceError> {
        let State::Query { id: Some(id), .. } = &self.state else { return Ok(()) };
        let stopped = client.stop_query().query_id(id).send().await;
        stopped.map_err(|error| failure(&format!("stopping the query of {}", self.group), &error))?;
        self.state = State::Over(Progress::UnderWay);
        Ok(())
    }

    fn progress(&self) -> Progress {
        match &self.state {
            State::Over(progress) => *progress,
            State::Pages { .. } | State::Query { .. } => Progress::UnderWay,
        }
    }

    async fn read_page(
        &mut self,
        client: &Client,
        take: &mut (impl FnMut(Line<'_>) + Send),
    ) -> Result<(), SourceError> {
        let State::Pages { filter, token, read } = &mut self.state else { return Ok(()) };
        let page = client
            .filter_log_events()
            .log_group_name(&self.group)
            .start_time(self.window.start.as_millisecond())
            .end_time(self.window.end.as_millisecond())
            .set_filter_pattern(filter.clone())
            .set_next_token(token.clone())
            .send()
            .await
            .map_err(|error| failure(&format!("reading the log group {}", self.group), &error))?;
        for event in page.events() {
            let at = event.timestamp().and_then(|at| Timestamp::from_millisecond(at).ok());
            if let (Some(at), Some(text)) = (at, event.message()) {
                take(Line { at, stream: event.log_stream_name().unwrap_or_default(), text });
            }
        }
        *read += 1;
        *token = page.next_token().map(str::to_owned);
        if token.is_none() {
            self.state = State::Over(Progress::Complete);
        } else if *read >= MOST_PAGES {
            let message = format!(
                "{} has more than {MOST_PAGES} pages of lines: name narrower patterns, or let Insights search",
                self.group
            );
            return Err(SourceError::new("TooManyLines", message));
        }
        Ok(())
    }

    async fn start_query(&mut self, client: &Client) -> Result<(), SourceError> {
        let State::Query { text, id } = &mut self.state else { return Ok(()) };
        let started = client
            .start_query()
            .log_group_name(&self.group)
            .start_time(self.window.start.as_second())
            .end_time(self.window.end.as_second())
            .query_string(text.as_str())
            .limit(question::MOST_LINES)
            .send()
            .await
            .map_err(|error| failure(&format!("starting a query of the log group {}", self.group), &error))?;
        *id = started.query_id().map(str::to_owned);
        if id.is_none() {
            let message = format!("the query of {} was started, but has no id", self.group);
            return Err(SourceError::new("InvalidResponse", message));
        }
        Ok(())
    }

    async fn ask_for_results(
        &mut self,
        client: &Client,
        take: &mut (impl FnMut(Line<'_>) + Send),
    ) -> Result<(), SourceError> {
        let State::Query { id, .. } = &mut self.state else { return Ok(()) };
        let answer = client.get_query_results().set_query_id(id.clone()).send().await;
        let answer = answer.map_err(|error| {
            failure(&format!("asking for the results of the query of {}", self.group), &error)
        })?;
        match answer.status() {
            Some(QueryStatus::Scheduled | QueryStatus::Running) | None => return Ok(()),
            Some(QueryStatus::Complete) => {}
            Some(status) => {
                let message = format!("the query of {} ended as {}", self.group, status.as_str());
                // Another one may do better.
                *id = None;
                return Err(SourceError::new("QueryFailed", message));
            }
        }
        answer.results().iter().filter_map(|fields| line(fields)).for_each(take);
        let matched = answer.statistics().map_or(0.0, QueryStatistics::records_matched);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of lines")]
        let left_out = (matched.max(0.0) as u64).saturating_sub(answer.results().len() as u64);
        let progress = if left_out > 0 { Progress::LeftOut(left_out) } else { Progress::Complete };
        self.state = State::Over(progress);
        Ok(())
    }
}

fn line(fields: &[ResultField]) -> Option<Line<'_>> {
    let of =
        |name: &str| fields.iter().find(|field| field.field() == Some(name)).and_then(ResultField::value);
    Some(Line {
        at: question::instant(of("@timestamp")?)?,
        stream: of("@logStream").unwrap_or_default(),
        text: of("@message")?,
    })
}
