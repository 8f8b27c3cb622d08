//! The log groups of a spec, one after the other.

use aws_sdk_cloudwatchlogs::Client;
use jiff::{SignedDuration, Timestamp};
use throughput_crds::{AwsAccess, CloudWatchLogs};

use super::{Line, Progress, Search, connect};
use crate::access::Access;
use crate::aws::is_final;
use crate::source::{SourceError, Window};

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

/// What came of some seconds of searching.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proceeded {
    /// Whether all groups were searched to the end, or are given up.
    pub is_over: bool,
    /// What went wrong: for good with one that is over, and else until it is tried again.
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
        match self.client().await {
            Ok(client) => self.search(&client, window, take).await,
            Err(error) => Proceeded { is_over: is_final(error.reason), failures: vec![error] },
        }
    }

    /// Stops the queries that are still at work.
    pub async fn stop(&mut self) -> Result<(), SourceError> {
        if let (Some(client), Some((_, searches))) = (&self.client, &mut self.searches) {
            for search in searches {
                search.stop(client).await?;
            }
        }
        Ok(())
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
        let mut failures = Vec::new();
        while let Some(search) = searches.last_mut() {
            match search.proceed(client, &mut take).await {
                Ok(Progress::UnderWay) => return Proceeded { is_over: false, failures },
                Ok(Progress::Complete) => {}
                Ok(Progress::LeftOut(lines)) => {
                    let message = format!("{} has {lines} lines more than are read", search.group());
                    failures.push(SourceError::new("TooManyLines", message));
                }
                Err(error) => {
                    let is_over = is_final(error.reason) || error.reason == "TooManyLines";
                    failures.push(error);
                    if !is_over {
                        return Proceeded { is_over, failures };
                    }
                }
            }
            searches.pop();
        }
        Proceeded { is_over: true, failures }
    }
}
