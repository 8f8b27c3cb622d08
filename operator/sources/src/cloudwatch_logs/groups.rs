//! The log groups of a spec, one after the other.

use aws_sdk_cloudwatchlogs::Client;
use jiff::{SignedDuration, Timestamp};
use throughput_crds::{AwsAccess, CloudWatchLogs};
use tokio::time::Instant;

use super::search::{LONGEST_STEP, Line, Progress, Search, connect};
use crate::access::Access;
use crate::aws::is_final;
use crate::error::SourceError;
use crate::source::Window;

/// How long lines are on their way into CloudWatch.
const ON_THEIR_WAY: SignedDuration = SignedDuration::from_secs(30);

/// The log groups of a spec.
pub struct LogGroups {
    aws: AwsAccess,
    access: Access,
    groups: Vec<CloudWatchLogs>,
    terms: Vec<String>,
    client: Option<Client>,
    /// Of the window that was asked for last.
    searches: Option<(Window, Vec<Search>)>,
}

/// The result of some seconds of searching.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proceeded {
    /// Whether all groups were searched to the end, or are given up.
    pub is_over: bool,
    /// Whether a group was searched to the end, so that lines that were not found in it were not there.
    pub has_searched: bool,
    /// The failures: final ones of a search that is over, and else until it is tried again.
    pub failures: Vec<SourceError>,
}

impl LogGroups {
    /// Groups that nothing was asked of yet. Lines with any of the terms are looked for; all lines when there is none.
    pub fn new(groups: &[CloudWatchLogs], terms: &[&str], aws: &AwsAccess, access: &Access) -> Self {
        Self {
            aws: aws.clone(),
            access: access.clone(),
            groups: groups.to_vec(),
            terms: terms.iter().map(|term| (*term).to_owned()).collect(),
            client: None,
            searches: None,
        }
    }

    /// Goes on for some seconds, with one group after the other. Whatever line is handed out, it is handed
    /// out once. Before all lines of the window can be there, nothing is asked.
    pub async fn proceed(&mut self, window: Window, take: impl FnMut(Line<'_>) + Send) -> Proceeded {
        let can_be_there = window.end.saturating_add(ON_THEIR_WAY).unwrap_or(Timestamp::MAX);
        if Timestamp::now() < can_be_there {
            return Proceeded::default();
        }
        let until = Instant::now() + LONGEST_STEP;
        match self.client().await {
            Ok(client) => self.search(&client, window, until, take).await,
            Err(error) => {
                let is_over = is_final(error.reason);
                Proceeded { is_over, has_searched: false, failures: vec![error] }
            }
        }
    }

    /// Gives up all searches, and stops the queries that are still at work.
    pub fn stop(&mut self) -> impl Future<Output = Result<(), SourceError>> + Send + use<> {
        let (client, searches) = (self.client.clone(), self.searches.take());
        async move {
            if let (Some(client), Some((_, searches))) = (client, searches) {
                for mut search in searches {
                    search.stop(&client).await?;
                }
            }
            Ok(())
        }
    }

    async fn client(&mut self) -> Result<Client, SourceError> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        Ok(self.client.insert(connect(&self.aws, &self.access).await?).clone())
    }

    async fn search(
        &mut self,
        client: &Client,
        window: Window,
        until: Instant,
        mut take: impl FnMut(Line<'_>) + Send,
    ) -> Proceeded {
        let searches = match &mut self.searches {
            Some((of, searches)) if *of == window => searches,
            other => {
                let terms: Vec<&str> = self.terms.iter().map(String::as_str).collect();
                let searches = self.groups.iter().map(|group| Search::new(group, &terms, window)).collect();
                &mut other.insert((window, searches)).1
            }
        };
        let (mut has_searched, mut failures) = (false, Vec::new());
        while let Some(search) = searches.last_mut() {
            match search.proceed_until(client, until, &mut take).await {
                Ok(Progress::UnderWay) => return Proceeded { is_over: false, has_searched, failures },
                Ok(Progress::Complete) => has_searched = true,
                Ok(Progress::LeftOut(lines)) => {
                    has_searched = true;
                    let message = format!("{} has {lines} lines more than are read", search.group());
                    failures.push(SourceError::new("TooManyLines", message));
                }
                Err(error) => {
                    if error.reason == "ExpiredToken" {
                        // Whoever renews the Secret's keys does so in the Secret.
                        self.client = None;
                    }
                    let is_over = lasts(&error);
                    failures.push(error);
                    if !is_over {
                        return Proceeded { is_over, has_searched, failures };
                    }
                }
            }
            searches.pop();
            if Instant::now() >= until {
                break;
            }
        }
        let is_over = searches.is_empty();
        Proceeded { is_over, has_searched, failures }
    }
}

/// Whether searching a group again is in vain.
pub(crate) fn lasts(failure: &SourceError) -> bool {
    is_final(failure.reason) || failure.reason == "TooManyLines"
}
