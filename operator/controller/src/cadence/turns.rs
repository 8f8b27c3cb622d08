//! Whose turn it is to wait for a server that nobody vouches for.
//!
//! A look that waits for such a server has one of the looks that there are at once. So each namespace has fewer turns than
//! looks: however many servers stay silent, looks that restore, delete or abort find a place. Tests whose server has
//! just answered promptly have turns of their own, which the silent ones do not take. Who gets none is told so and comes
//! again, in the order in which they came first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use throughput_core::identity::TestFacts;
use tokio::time::Instant;

/// How quickly a server answers that its test counts as one of those whose servers do.
const PROMPT: Duration = Duration::from_secs(10);
/// After how long a turn was too long for a test whose server answers promptly, whatever was answered first: asking it to
/// cancel tasks takes half a minute at most.
const TOO_LONG: Duration = Duration::from_secs(45);
/// How long a test keeps its place in a queue without coming again. Each comes again within five seconds.
const KEPT: Duration = Duration::from_secs(15);
/// The longest queue. Whoever comes later comes again until there is room in it.
const LONGEST_QUEUE: usize = 1_000;

/// What a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// A question in a look, to a server that answered promptly the last time.
    Prompt,
    /// A question in a look, to any other server.
    Unproven,
    /// The question with `checkQuery`, besides the looks.
    Check,
    /// Reading all tasks of a cell, besides the looks.
    Collection,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Prompt, Self::Unproven, Self::Check, Self::Collection];

    /// How many turns of a namespace there are at once.
    pub const fn places(self) -> usize {
        match self {
            Self::Prompt => 16,
            Self::Unproven | Self::Check => 6,
            // Each holds all tasks of a cell in memory.
            Self::Collection => 2,
        }
    }

    /// How long one turn may last; a server that has not proven itself is waited for less long.
    pub const fn deadline(self) -> Duration {
        match self {
            Self::Prompt | Self::Check => Duration::from_mins(1),
            Self::Unproven => Duration::from_secs(30),
            // 200,000 tasks take about two minutes.
            Self::Collection => Duration::from_mins(10),
        }
    }

    /// The word for it in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Unproven => "unproven",
            Self::Check => "check",
            Self::Collection => "collection",
        }
    }
}

/// The turns of all namespaces. Cheap to clone: all clones share them.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    queues: HashMap<(String, Lane), Queue>,
    /// The tests whose server answered promptly the last time, by UID.
    prompt: HashSet<String>,
}

#[derive(Debug, Default)]
struct Queue {
    taken: usize,
    /// The UID of each test that waits, and when it came last.
    waiting: VecDeque<(String, Instant)>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    turns: Turns,
    namespace: String,
    test_uid: String,
    lane: Lane,
    began: Instant,
}

impl Turns {
    /// A turn to ask something in a look; `None` when it is others' turn.
    pub fn to_ask(&self, test: &TestFacts, now: Instant) -> Option<Turn> {
        let lane = if self.lock().prompt.contains(&test.uid) { Lane::Prompt } else { Lane::Unproven };
        self.take(test, lane, now)
    }

    /// A turn of this lane; `None` when it is others' turn.
    pub fn take(&self, test: &TestFacts, lane: Lane, now: Instant) -> Option<Turn> {
        let mut state = self.lock();
        let queue = state.queues.entry((test.namespace.clone(), lane)).or_default();
        if !queue.lets_in(&test.uid, lane.places(), now) {
            return None;
        }
        Some(Turn {
            turns: self.clone(),
            namespace: test.namespace.clone(),
            test_uid: test.uid.clone(),
            lane,
            began: now,
        })
    }

    /// How many turns of a lane are taken, and how many tests wait for one, in all namespaces together.
    pub fn count(&self, lane: Lane) -> (usize, usize) {
        let state = self.lock();
        let of_lane = state.queues.iter().filter(|((_, other), _)| *other == lane);
        of_lane
            .fold((0, 0), |(taken, waiting), (_, queue)| (taken + queue.taken, waiting + queue.waiting.len()))
    }

    /// Forgets a test that does not exist any more.
    pub fn forget(&self, test_uid: &str) {
        let mut state = self.lock();
        state.prompt.remove(test_uid);
        for queue in state.queues.values_mut() {
            queue.waiting.retain(|(uid, _)| uid != test_uid);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Takes a turn, if it is this test's; else keeps its place among those who wait.
    fn lets_in(&mut self, test_uid: &str, places: usize, now: Instant) -> bool {
        self.waiting.retain(|(_, came)| now.saturating_duration_since(*came) < KEPT);
        let place = self.waiting.iter().position(|(uid, _)| uid == test_uid);
        let before = place.unwrap_or(self.waiting.len());
        if self.taken + before < places {
            if let Some(place) = place {
                self.waiting.remove(place);
            }
            self.taken += 1;
            return true;
        }
        if let Some(waiting) = place.and_then(|place| self.waiting.get_mut(place)) {
            waiting.1 = now;
        } else if self.waiting.len() < LONGEST_QUEUE {
            self.waiting.push_back((test_uid.to_owned(), now));
        }
        false
    }
}

impl Turn {
    /// How long what it is for may take.
    pub fn deadline(&self) -> Duration {
        self.lane.deadline()
    }

    /// Notes that the server has answered, or that it has not in time.
    pub fn note(&self, answered: bool) {
        let mut state = self.turns.lock();
        if answered && self.began.elapsed() < PROMPT {
            state.prompt.insert(self.test_uid.clone());
        } else {
            state.prompt.remove(&self.test_uid);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        if self.began.elapsed() >= TOO_LONG {
            state.prompt.remove(&self.test_uid);
        }
        let key = (std::mem::take(&mut self.namespace), self.lane);
        if let Some(queue) = state.queues.get_mut(&key) {
            queue.taken = queue.taken.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(namespace: &str, uid: &str) -> TestFacts {
        TestFacts {
            namespace: namespace.to_owned(),
            name: uid.to_owned(),
            uid: uid.to_owned(),
            generation: Some(1),
        }
    }

    /// All turns of a lane, taken by tests of this namespace.
    fn all(turns: &Turns, namespace: &str, lane: Lane, now: Instant) -> Vec<Turn> {
        (0..lane.places())
            .map(|number| turns.take(&test(namespace, &format!("silent-{number}")), lane, now).unwrap())
            .collect()
    }

    #[test]
    fn silent_servers_take_no_turn_of_those_that_answer_and_none_of_another_namespace() {
        let (turns, now) = (Turns::default(), Instant::now());
        let good = test("pulp", "good");
        turns.to_ask(&good, now).unwrap().note(true);
        let held = all(&turns, "pulp", Lane::Unproven, now);
        assert!(turns.to_ask(&test("pulp", "new"), now).is_none());
        assert!(turns.to_ask(&good, now).is_some());
        assert!(turns.to_ask(&test("other", "new"), now).is_some());
        drop(held);
        assert!(turns.to_ask(&test("pulp", "new"), now).is_some());
    }

    #[test]
    fn whoever_was_not_answered_once_is_among_the_silent_until_it_is_again() {
        let (turns, now) = (Turns::default(), Instant::now());
        let good = test("pulp", "good");
        turns.to_ask(&good, now).unwrap().note(true);
        turns.to_ask(&good, now).unwrap().note(false);
        let held = all(&turns, "pulp", Lane::Unproven, now);
        assert!(turns.to_ask(&good, now).is_none());
        drop(held);
        turns.to_ask(&good, now).unwrap().note(true);
        let _held = all(&turns, "pulp", Lane::Unproven, now);
        assert!(turns.to_ask(&good, now).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_keeps_a_turn_for_long_is_among_the_silent_whatever_was_answered_first() {
        let turns = Turns::default();
        let slow = test("pulp", "slow");
        let turn = turns.to_ask(&slow, Instant::now()).unwrap();
        turn.note(true);
        tokio::time::advance(TOO_LONG).await;
        drop(turn);
        let _held = all(&turns, "pulp", Lane::Unproven, Instant::now());
        assert!(turns.to_ask(&slow, Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_took_its_time_proves_nothing() {
        let turns = Turns::default();
        let slow = test("pulp", "slow");
        let turn = turns.to_ask(&slow, Instant::now()).unwrap();
        tokio::time::advance(PROMPT).await;
        turn.note(true);
        drop(turn);
        let _held = all(&turns, "pulp", Lane::Unproven, Instant::now());
        assert!(turns.to_ask(&slow, Instant::now()).is_none());
    }

    #[test]
    fn there_are_fewer_turns_in_looks_than_looks() {
        let in_looks = Lane::Prompt.places() + Lane::Unproven.places();
        assert!(in_looks + 8 <= usize::from(crate::process::watching::TESTS_AT_ONCE), "{in_looks}");
    }

    #[test]
    fn those_who_wait_get_their_turns_in_the_order_in_which_they_came() {
        let (turns, now) = (Turns::default(), Instant::now());
        let mut held = all(&turns, "pulp", Lane::Check, now);
        let [one, two, three] = ["one", "two", "three"].map(|uid| test("pulp", uid));
        let take = |who| turns.take(who, Lane::Check, now);
        assert!(take(&one).is_none() && take(&two).is_none() && take(&three).is_none());
        assert_eq!(turns.count(Lane::Check), (6, 3));
        held.pop();
        assert!(take(&three).is_none() && take(&two).is_none());
        let first = take(&one).unwrap();
        held.pop();
        assert!(take(&three).is_none());
        let second = take(&two).unwrap();
        assert_eq!(turns.count(Lane::Check), (6, 1));
        drop((first, second));
        assert!(take(&three).is_some());
    }

    #[test]
    fn a_test_that_does_not_come_again_keeps_nobody_waiting() {
        let (turns, now) = (Turns::default(), Instant::now());
        let mut held = all(&turns, "pulp", Lane::Check, now);
        let [gone, deleted, other] = ["gone", "deleted", "other"].map(|uid| test("pulp", uid));
        for who in [&deleted, &gone, &other] {
            assert!(turns.take(who, Lane::Check, now).is_none());
        }
        turns.forget(&deleted.uid);
        held.pop();
        assert!(turns.take(&other, Lane::Check, now).is_none());
        assert!(turns.take(&other, Lane::Check, now + KEPT).is_some());
    }
}
