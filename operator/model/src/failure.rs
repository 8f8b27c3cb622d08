//! What went wrong with requests: where on their way and of what class, how often, and a few samples of what was said.

use serde::{Deserialize, Serialize};

/// How many samples are kept of each group.
pub const SAMPLES_PER_GROUP: usize = 3;
/// The longest sample, in characters.
pub const LONGEST_SAMPLE: usize = 300;
/// The most groups that there can be: every class in every phase.
const MOST_GROUPS: usize = Phase::ALL.len() * FailureClass::ALL.len();

/// The phase of a request in which it failed, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// The name was resolved, a connection made, and TLS agreed upon.
    Connect,
    /// The request was sent, or a call made, and its answer had not begun.
    AwaitAnswer,
    /// The answer had begun and was not complete.
    ReadAnswer,
    /// The answer was complete, and was not what it should be.
    Check,
}

/// What kind of failure ended a request. The set is fixed, so that it can be a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FailureClass {
    /// The name did not resolve, or no connection could be made.
    Connect,
    /// No full answer came within the request's time.
    Timeout,
    /// The connection broke before the answer was complete.
    Reset,
    /// 401 or 403.
    Unauthorized,
    /// Any other status from 400 to 499.
    ClientError,
    /// A status from 500 on.
    ServerError,
    /// An answer that was understood by HTTP but not by us: no JSON, or a field missing.
    UnexpectedAnswer,
    /// A call in Pulp's own process raised an exception.
    Raised,
    /// The generator was told to end and did not await the answer any longer. The server may still work on it.
    Abandoned,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 4] = [Self::Connect, Self::AwaitAnswer, Self::ReadAnswer, Self::Check];

    /// The phase in a sentence, after "while".
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::AwaitAnswer => "awaiting the answer",
            Self::ReadAnswer => "reading the answer",
            Self::Check => "checking the answer",
        }
    }
}

impl FailureClass {
    /// All classes.
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::Timeout,
        Self::Reset,
        Self::Unauthorized,
        Self::ClientError,
        Self::ServerError,
        Self::UnexpectedAnswer,
        Self::Raised,
        Self::Abandoned,
    ];

    /// The class in a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "no connection",
            Self::Timeout => "timeout",
            Self::Reset => "broken connection",
            Self::Unauthorized => "unauthorized",
            Self::ClientError => "client error",
            Self::ServerError => "server error",
            Self::UnexpectedAnswer => "unexpected answer",
            Self::Raised => "exception",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Counts and samples of failed requests, by phase and class. Its size is bounded, whatever happens. As JSON it is a
/// list of [`FailureGroup`]s.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failures(#[serde(deserialize_with = "bounded")] Vec<FailureGroup>);

/// The failures of one class in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureGroup {
    /// The phase.
    pub phase: Phase,
    /// The class.
    pub class: FailureClass,
    /// How many.
    pub count: u64,
    /// The first few different descriptions, each cut to [`LONGEST_SAMPLE`].
    pub samples: Vec<String>,
}

impl Failures {
    /// Counts one failure, and keeps its description while there is room and it is new.
    pub fn record(&mut self, phase: Phase, class: FailureClass, description: &str) {
        let group = self.group(phase, class);
        group.count = group.count.saturating_add(1);
        group.keep(description);
    }

    /// Adds the failures of another generator or connection.
    pub fn merge(&mut self, other: &Self) {
        for FailureGroup { phase, class, count, samples } in &other.0 {
            let group = self.group(*phase, *class);
            group.count = group.count.saturating_add(*count);
            for sample in samples {
                group.keep(sample);
            }
        }
    }

    /// The failures of a class, in whatever phase.
    pub fn of_class(&self, class: FailureClass) -> u64 {
        let of_class = self.0.iter().filter(|group| group.class == class);
        of_class.fold(0, |total, group| total.saturating_add(group.count))
    }

    /// All failures.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |total, group| total.saturating_add(group.count))
    }

    /// The groups that had any, in the order of phases and classes.
    pub fn groups(&self) -> &[FailureGroup] {
        &self.0
    }

    /// Leaves the samples out. The counts stay.
    pub fn drop_samples(&mut self) {
        self.0.iter_mut().for_each(|group| group.samples.clear());
    }

    fn group(&mut self, phase: Phase, class: FailureClass) -> &mut FailureGroup {
        let found = self.0.binary_search_by_key(&(phase, class), FailureGroup::key);
        let position = found.unwrap_or_else(|position| {
            self.0.insert(position, FailureGroup { phase, class, count: 0, samples: Vec::new() });
            position
        });
        &mut self.0[position]
    }
}

impl FailureGroup {
    fn key(&self) -> (Phase, FailureClass) {
        (self.phase, self.class)
    }

    fn keep(&mut self, description: &str) {
        let sample: String = description.chars().take(LONGEST_SAMPLE).collect();
        if self.samples.len() < SAMPLES_PER_GROUP && !self.samples.contains(&sample) {
            self.samples.push(sample);
        }
    }
}

/// Groups that somebody else wrote, within the bounds that ours have.
fn bounded<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<FailureGroup>, D::Error> {
    let mut groups = Vec::<FailureGroup>::deserialize(deserializer)?;
    groups.sort_by_key(FailureGroup::key);
    let fault = if groups.len() > MOST_GROUPS || groups.windows(2).any(|two| two[0].key() == two[1].key()) {
        Some("a class of failures stands twice in one phase".to_owned())
    } else if groups.iter().any(|group| group.samples.len() > SAMPLES_PER_GROUP) {
        Some(format!("more than {SAMPLES_PER_GROUP} samples of failures"))
    } else if groups.iter().flat_map(|group| &group.samples).any(|s| s.chars().count() > LONGEST_SAMPLE) {
        Some(format!("a sample of a failure of more than {LONGEST_SAMPLE} characters"))
    } else {
        None
    };
    fault.map_or(Ok(groups), |fault| Err(serde::de::Error::custom(fault)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_flood_of_failures_keeps_exact_counts_and_few_short_samples() {
        let mut failures = Failures::default();
        for number in 0..10_000 {
            let description = format!("{number} {}", "x".repeat(10_000));
            failures.record(Phase::Check, FailureClass::ServerError, &description);
        }
        failures.record(Phase::AwaitAnswer, FailureClass::Timeout, "no answer within 60 s");
        let [timeouts, server_errors] = failures.groups() else { panic!("{failures:?}") };
        assert_eq!((failures.total(), timeouts.count), (10_001, 1));
        assert_eq!((server_errors.count, server_errors.samples.len()), (10_000, SAMPLES_PER_GROUP));
        assert!(server_errors.samples.iter().all(|sample| sample.chars().count() == LONGEST_SAMPLE));
    }

    #[test]
    fn merging_adds_counts_and_keeps_different_samples_of_each_phase_apart() {
        let mut first = Failures::default();
        first.record(Phase::AwaitAnswer, FailureClass::Reset, "closed");
        let mut second = Failures::default();
        second.record(Phase::ReadAnswer, FailureClass::Reset, "closed");
        second.record(Phase::AwaitAnswer, FailureClass::Reset, "closed");
        second.record(Phase::AwaitAnswer, FailureClass::Reset, "no HTTP");
        first.merge(&second);
        let group = |phase, count, samples: &[&str]| FailureGroup {
            phase,
            class: FailureClass::Reset,
            count,
            samples: samples.iter().map(|sample| (*sample).to_owned()).collect(),
        };
        assert_eq!(
            first.groups(),
            [group(Phase::AwaitAnswer, 3, &["closed", "no HTTP"]), group(Phase::ReadAnswer, 1, &["closed"])]
        );
    }

    #[test]
    fn failures_are_a_list_of_phase_class_count_and_samples() {
        let mut failures = Failures::default();
        failures.record(Phase::Check, FailureClass::ServerError, "status 500");
        let expected =
            json!([{"phase": "Check", "class": "ServerError", "count": 1, "samples": ["status 500"]}]);
        assert_eq!(json!(failures), expected);
        assert_eq!(serde_json::from_value::<Failures>(expected).unwrap(), failures);
        assert_eq!(json!(Failures::default()), json!([]));
    }

    #[test]
    fn failures_beyond_the_bounds_are_refused() {
        let group =
            |samples: Value| json!({"phase": "Check", "class": "Reset", "count": 1, "samples": samples});
        for (groups, fault) in [
            (json!([group(json!([])), group(json!([]))]), "a class of failures stands twice in one phase"),
            (json!([group(json!(["a", "b", "c", "d"]))]), "more than 3 samples of failures"),
            (json!([group(json!(["x".repeat(301)]))]), "a sample of a failure of more than 300 characters"),
        ] {
            assert_eq!(serde_json::from_value::<Failures>(groups).unwrap_err().to_string(), fault);
        }
    }
}
