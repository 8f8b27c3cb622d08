//! The state of the source, which is stored with the recording after each step.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::MOST_ATTEMPTS;
use super::container::User;
use super::target::Target;
use crate::recording::Recording;
use crate::text::is_object_name;

const KEY: &str = "profile";
/// The most containers that are profiled: a test cannot ask for more.
const MOST_SUBJECTS: usize = 16;
/// How long a profiler may take to start.
const START: Duration = Duration::from_secs(90);
/// How long it may take to end, and its log to be read, besides the time for which it samples.
const FINISH: Duration = Duration::from_mins(1);

/// The state of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// When it looked first: the dispatch has just begun then.
    pub(super) first_look: Option<Timestamp>,
    /// Whether it was refused, so that nothing is asked again.
    pub(super) is_refused: bool,
    /// The containers that are profiled, once they are chosen.
    pub(super) subjects: Option<Vec<Subject>>,
    /// The samples of all pods so far.
    pub(super) samples: u64,
    /// How often a stack could not be read.
    pub(super) errors: u64,
    /// When the first profiler began and the last one ended.
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
}

/// A container that is profiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) pod: String,
    pub(super) pod_uid: String,
    pub(super) container: String,
    pub(super) user: User,
    pub(super) attempt: u32,
    pub(super) since: Timestamp,
    pub(super) state: State,
    /// Why the last request came to nothing, where another may not.
    pub(super) last_words: String,
}

/// How far a container's profile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// The profiler is to be put beside it.
    Wanted,
    /// It has been.
    Asked,
    /// There is a profile, or there will be none.
    Over,
}

impl Memory {
    /// The stored state; that of a source that has not begun where none can be read.
    pub(super) fn load(recording: &Recording) -> Self {
        recording.recall(KEY).filter(Self::is_possible).unwrap_or_default()
    }

    /// Whether the source can have come to this: whoever stored it may have been somebody else, and requests are made of it.
    fn is_possible(&self) -> bool {
        let is_possible = |subject: &Subject| {
            is_object_name(&subject.pod)
                && is_object_name(&subject.container)
                && (1..=MOST_ATTEMPTS).contains(&subject.attempt)
        };
        self.subjects.as_ref().is_none_or(|all| all.len() <= MOST_SUBJECTS && all.iter().all(is_possible))
    }

    /// Stores it with the recording.
    pub(super) fn store(&self, recording: &mut Recording) {
        // It is texts, numbers and instants, which can be written.
        let _ = recording.remember(KEY, self);
    }

    /// Whether the time for the profile has come.
    pub(super) fn is_due(&self, delay: Duration, now: Timestamp) -> bool {
        self.first_look.is_some_and(|first| has_passed(first, delay, now))
    }

    /// Whether there is nothing more to come.
    pub(super) fn is_over(&self) -> bool {
        let mut subjects = self.subjects.iter().flatten();
        self.is_refused || subjects.all(|subject| subject.state == State::Over)
    }
}

impl Subject {
    pub(super) fn new(target: Target, now: Timestamp) -> Self {
        let Target { pod, pod_uid, container, user } = target;
        let state = State::Wanted;
        Self { pod, pod_uid, container, user, attempt: 1, since: now, state, last_words: String::new() }
    }

    /// The same once more, as the user that the target turned out to run as.
    pub(super) fn again_as(&mut self, user: User, now: Timestamp) {
        self.user = user;
        self.attempt = self.attempt.saturating_add(1);
        self.since = now;
        self.state = State::Wanted;
    }

    /// Whether it should have started by now.
    pub(super) fn is_late_to_start(&self, now: Timestamp) -> bool {
        has_passed(self.since, START, now)
    }

    /// Whether it should have ended by now.
    pub(super) fn is_late_to_end(&self, duration: Duration, now: Timestamp) -> bool {
        has_passed(self.since, START + duration + FINISH, now)
    }
}

fn has_passed(since: Timestamp, duration: Duration, now: Timestamp) -> bool {
    now.duration_since(since) >= SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use throughput_test_support::mutated;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn subject() -> Subject {
        let (pod, container) = ("a".to_owned(), "api".to_owned());
        Subject::new(Target { pod, pod_uid: "u".to_owned(), container, user: User::default() }, at(0))
    }

    #[test]
    fn what_is_kept_is_known_again() {
        let mut recording = Recording::new("profile", at(0));
        assert_eq!(Memory::load(&recording), Memory::default());
        let memory = Memory { first_look: Some(at(3)), subjects: Some(vec![subject()]), ..Memory::default() };
        memory.store(&mut recording);
        assert_eq!(Memory::load(&recording), memory);
    }

    #[test]
    fn every_wait_has_an_end() {
        let mut subject = subject();
        let duration = Duration::from_secs(30);
        assert!(!subject.is_late_to_start(at(89)) && subject.is_late_to_start(at(90)));
        assert!(!subject.is_late_to_end(duration, at(179)) && subject.is_late_to_end(duration, at(180)));
        subject.again_as(User { uid: Some(700), gid: Some(700) }, at(100));
        assert_eq!((subject.attempt, subject.state), (2, State::Wanted));
        assert!(!subject.is_late_to_start(at(189)));
    }

    #[test]
    fn the_profile_begins_after_its_delay() {
        let memory = Memory { first_look: Some(at(10)), ..Memory::default() };
        assert!(
            !memory.is_due(Duration::from_secs(5), at(14)) && memory.is_due(Duration::from_secs(5), at(15))
        );
        assert!(!Memory::default().is_due(Duration::ZERO, at(15)));
    }

    #[test]
    fn whatever_was_made_of_the_stored_state_it_is_refused_or_harmless() {
        let memory = Memory { first_look: Some(at(3)), subjects: Some(vec![subject()]), ..Memory::default() };
        let (mut read, mut refused) = (0, 0);
        for changed in mutated::all_of(&json!(memory)) {
            let mut recording = Recording::new("profile", at(0));
            recording.remember(KEY, &changed).unwrap();
            let mut loaded = Memory::load(&recording);
            if loaded == Memory::default() {
                refused += 1;
                continue;
            }
            read += 1;
            loaded.is_due(Duration::MAX, at(4));
            for subject in loaded.subjects.iter_mut().flatten() {
                assert!(!subject.pod.contains('/') && !subject.container.contains('/'), "{subject:?}");
                subject.is_late_to_start(at(4));
                subject.is_late_to_end(Duration::from_secs(30), at(4));
                subject.again_as(User::default(), at(4));
            }
        }
        assert!(read > 50 && refused > 50, "{read} were read, {refused} refused");
    }
}
