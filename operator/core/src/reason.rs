//! The reasons that the operator gives in conditions, events and results: one word each, which people look up in the
//! chart's README and programs may match. Sources of figures have their own, told in the condition `SourcesComplete`.

use std::fmt;

/// Declares the reasons, each with its word.
macro_rules! reasons {
    ($($name:ident,)*) => {
        /// Why something is as it is, in one word. The table "Troubleshooting by reason" in the chart's README says what
        /// each means and what to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "they are documented where people look them up, and a test holds the two together")]
        pub enum Reason {
            $($name,)*
        }

        impl Reason {
            /// All of them, in the order of their table.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

reasons! {
    Planned,
    NoWorkload,
    NoPulp,
    NoWorkers,
    WorkersNotNamed,
    NoTarget,
    NoCredentials,
    NoHeader,
    PathNotPlain,
    UnknownVariable,
    NotPermitted,
    CellCount,
    UnknownAxis,
    AxisValueNotAllowed,
    DurationOutOfBounds,
    NotScalable,
    InProcessNotPossible,
    ObserveNotPossible,
    UnknownMetric,
    CriterionBound,
    NoRepeats,
    AllFound,
    TargetNotFound,
    Queued,
    TargetClaimed,
    ClaimNotSigned,
    TargetAutoscaled,
    OwnerNotSupported,
    TargetHasTwoOwners,
    TargetRefused,
    NotClaimed,
    OwnerRecognised,
    OwnerGone,
    GivingBack,
    ServiceNotFound,
    ServicePortNotFound,
    SecretNotFound,
    SecretKeyMissing,
    SecretNotPermitted,
    RequestNotPermitted,
    CredentialsInvalid,
    CaBundleNotFound,
    CaBundleKeyMissing,
    CaBundleInvalid,
    CaBundleNotPermitted,
    VerificationNotPermitted,
    GeneratorsRefused,
    ClientCertificateInvalid,
    NameTaken,
    PulpUnauthorized,
    PulpUnreachable,
    NotYetAsked,
    TestViewFailed,
    CheckQueryDispatches,
    PulpError,
    NotAPulp,
    PulpAddressInvalid,
    TargetsClaimed,
    Claimed,
    NotStarted,
    Measuring,
    EmptyingQueue,
    ScalingDown,
    ScalingWorkers,
    StartingGenerators,
    Dispatching,
    Draining,
    CleaningUp,
    Suspended,
    NothingStarts,
    NothingCanceled,
    NothingStarted,
    ActionFailed,
    LookFailed,
    QueueNotEmpty,
    WorkersNotOnline,
    WorkersNotGone,
    ClaimLost,
    ClockSet,
    TargetGone,
    GeneratorNotReady,
    GeneratorFailed,
    ResultNotDelivered,
    DispatchIncomplete,
    DrainDeadlineExceeded,
    CancelingTasks,
    NotCleanedUp,
    ReportNotWritten,
    ReportIncomplete,
    GeneratorsNotDeleted,
    TasksUnfinished,
    TasksNotCanceled,
    TasksNotRead,
    FiguresNotTrusted,
    CriterionNotMet,
    CriterionWithoutFigure,
    CellFailed,
    CellFinished,
    Observed,
    SourcesIncomplete,
    Settling,
    Uninstalled,
    Restoring,
    AsFound,
    NothingScaled,
    TargetsRestored,
    TargetsNotRestored,
    AllCells,
    Incomplete,
    NothingMeasured,
    NotFinished,
    Passed,
    Failed,
    Invalid,
    Aborted,
    Finished,
    Complete,
}

impl Reason {
    /// The reason of this word, which a status holds; `None` for one that this version does not give.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == word)
    }

    /// Whether no further cell is measured after a cell that ended for this reason: it would begin on another's
    /// leftovers, or there is nothing to scale, or nobody wants it.
    pub const fn stops_the_matrix(self) -> bool {
        matches!(
            self,
            Self::TasksNotCanceled
                | Self::QueueNotEmpty
                | Self::TargetGone
                | Self::TargetAutoscaled
                | Self::ClaimLost
                | Self::OwnerGone
                | Self::NotPermitted
                | Self::Aborted
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq<&str> for Reason {
    fn eq(&self, word: &&str) -> bool {
        self.as_str() == *word
    }
}

/// What a status holds is a word.
impl PartialEq<Reason> for String {
    fn eq(&self, reason: &Reason) -> bool {
        self == reason.as_str()
    }
}

/// Why something is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// In one word.
    pub reason: Reason,
    /// In a sentence that says what was seen, and where it is a mistake what to do.
    pub message: String,
}

impl Why {
    /// A reason with its sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The words in backticks in the first column of the chart's table, with the second column.
    fn documented() -> Vec<(String, String)> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/throughput-operator/README.md");
        let readme = std::fs::read_to_string(path).unwrap();
        let (_, table) = readme.split_once("## Troubleshooting by reason").unwrap();
        let mut found = Vec::new();
        for row in table.lines().filter_map(|line| line.strip_prefix("| `")) {
            let mut columns = row.split(" | ");
            let words = columns.next().unwrap();
            let place = columns.next().unwrap();
            found.extend(
                words.split("`, `").map(|word| (word.trim_matches('`').to_owned(), place.to_owned())),
            );
        }
        found
    }

    #[test]
    fn every_reason_stands_in_the_charts_readme_and_no_other() {
        let told: BTreeSet<String> = documented()
            .into_iter()
            // What sources fall short of is told there as well; `operator/sources/README.md` lists their reasons.
            .filter(|(_, place)| place != "SourcesComplete")
            .map(|(word, _)| word)
            .collect();
        let given: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).collect();
        let missing: Vec<&String> = given.difference(&told).collect();
        let stale: Vec<&String> = told.difference(&given).collect();
        assert!(
            missing.is_empty() && stale.is_empty(),
            "the table in charts/throughput-operator/README.md lacks {missing:?}, and has {stale:?}, which nothing gives"
        );
    }

    #[test]
    fn a_reason_is_found_by_its_word() {
        for reason in Reason::ALL {
            assert_eq!(Reason::of(reason.as_str()), Some(*reason));
        }
        assert_eq!(Reason::of("NeverHeardOf"), None);
    }
}
