//! How much of a log is to be read, and how far one stream of it has come.

use std::time::Duration;

use jiff::Timestamp;

use super::blocks::Taken;
use super::containers::Container;
use super::lines::Lines;
use super::position::Resumption;
use super::state::State;
use crate::error::SourceError;

/// How much of a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All that comes, until it ends; or until it is busy and its file small, which is asked for after so long.
    AsItComes(Duration),
    /// The lines that are there already.
    UntilNow,
    /// The lines that are new, if they are among so many at the end.
    End(u64),
    /// The lines of the container's run before this one.
    Before,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It ended, or is silent, or was too far behind.
    Ended,
    /// It is followed and busy, and its file is small.
    Busy,
    /// It is not known what stood between what was read earlier and this. Of the end of a file nothing was taken then.
    Torn,
}

/// How far a stream has come.
pub(super) struct Progress {
    /// How much is read.
    pub(super) extent: Extent,
    /// The line that has no end yet.
    pub(super) lines: Lines,
    /// Tells new lines from those that were read before.
    pub(super) resumption: Resumption,
    /// The length of the stream in bytes, with what was known already.
    pub(super) bytes: i64,
    /// The lines that were new.
    pub(super) taken: Taken,
    is_torn: bool,
    /// For how long reading was slowed down since it was last asked for.
    pub(super) slowed: Duration,
    /// The kubelet's own words, which stand in a log's place without an instant before them.
    pub(super) words: Option<SourceError>,
}

impl Extent {
    /// For how long a log is followed at least; `None` where reading ends with the lines that are there already.
    pub(super) fn followed_at_least(self) -> Option<Duration> {
        match self {
            Self::AsItComes(at_least) => Some(at_least),
            Self::UntilNow | Self::End(_) | Self::Before => None,
        }
    }

    /// Whether reading does not end with the lines that are there already.
    pub(super) fn is_followed(self) -> bool {
        self.followed_at_least().is_some()
    }

    /// How many lines at the end are looked at; `None` where it is all of them.
    pub(super) fn lines_at_the_end(self) -> Option<u64> {
        match self {
            Self::End(lines) => Some(lines),
            Self::AsItComes(_) | Self::UntilNow | Self::Before => None,
        }
    }
}

impl Progress {
    /// A stream of which nothing has come yet.
    pub(super) fn of(extent: Extent, resumption: Resumption) -> Self {
        Self {
            extent,
            lines: Lines::default(),
            resumption,
            bytes: 0,
            taken: Taken::default(),
            is_torn: false,
            slowed: Duration::ZERO,
            words: None,
        }
    }

    /// Whether the end of a file is not all that is new, so that more of it has to be read.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_torn && self.extent.lines_at_the_end().is_some()
    }

    /// Notes, once, that the log is torn before what was written at this instant, if it is.
    pub(super) fn note_tear(&mut self, state: &mut State, container: &Container, upto: Timestamp) {
        if self.is_torn || !self.resumption.is_torn() {
            return;
        }
        self.is_torn = true;
        if !self.is_given_up() {
            state.is_torn(container, upto);
        }
    }

    /// The outcome and the new lines; or the kubelet's words, where there are some.
    pub(super) fn outcome(self) -> Result<(Outcome, Taken), SourceError> {
        let outcome = if self.is_torn { Outcome::Torn } else { Outcome::Ended };
        self.words.map_or(Ok((outcome, self.taken)), Err)
    }
}
