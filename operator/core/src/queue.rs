//! The queue of a namespace: which of the tests that want the same targets is served first. Pure.
//!
//! # The order
//! Tests are served in the order of their creation. A test is served when nobody is ahead of it: no test that holds one of
//! its targets, and no older one that wants one of them and waits for nothing else. So whoever waits for two targets keeps
//! both from younger tests, and gets all of what it wants or none. Of the tests that wait, the oldest waits for nobody but
//! for those that hold something, which come to their end: there is no deadlock, and none is overtaken for ever.
//!
//! # Who does not stand in it
//! A test that waits for something else, such as a Secret or an answer of its target, keeps nobody waiting. Before a
//! younger one is served, it is looked at once more ([`RELOOK`]): what both waited for may be there for both. One that is
//! suspended between two cells has given up what it held, and comes back to the place of its creation. One whose turn it
//! is and whose target stays silent is overtaken after [`STARTS_WITHIN`].
//!
//! # What it is not
//! The lock is the claim on a target; the queue is an order on top of it, of what one operator has seen in its looks. It is
//! kept in memory: after a restart, nobody is served before each older test was looked at, or was not within
//! [`UNSEEN`].

mod standing;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::target::TargetName;

pub use standing::{Standing, standing};

/// How long a test that nobody could look at yet keeps younger ones waiting.
pub const UNSEEN: Duration = Duration::from_secs(30);
/// How long a test that waits for something else is waited for, once a younger one is ready, until it is looked at again.
pub const RELOOK: Duration = Duration::from_secs(2);
/// How long a test whose turn it is is waited for while it makes sure that everything is there still: a moment, unless its
/// target does not answer. Then it waits for something else than its turn, and is overtaken.
pub const STARTS_WITHIN: Duration = Duration::from_secs(5);
/// How much later than it was to be looked at a test keeps its place: longer than any is left alone in the queue, and than
/// a server is waited for.
pub const LATE: Duration = Duration::from_secs(90);

/// Where a test stands: the older one first, and of one second, which is all that Kubernetes keeps of an instant, the one
/// whose name comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When it was created.
    pub created: Timestamp,
    /// Its name, which is another one for each test of the namespace.
    pub name: String,
}

/// What a look found of a test, as far as others wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Where it stands.
    pub place: Place,
    /// What it scales.
    pub wants: BTreeSet<TargetName>,
    /// What it does.
    pub standing: Standing,
    /// When the look began.
    pub began: Duration,
    /// How soon it is to be looked at again.
    pub next: Duration,
}

/// A test that is ahead of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Its UID.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// What it does.
    pub standing: Standing,
}

/// Where a test is in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It is served.
    First,
    /// It waits for these: first those that hold what it wants, then the others in the order in which they are served.
    /// There are none as long as it is not known which tests there are.
    Behind(Vec<Ahead>),
}

impl Line {
    /// Whether this test is among those ahead.
    pub fn is_behind(&self, uid: &str) -> bool {
        match self {
            Self::First => false,
            Self::Behind(ahead) => ahead.iter().any(|ahead| ahead.uid == uid),
        }
    }
}

/// The tests of a namespace. All times are counted from one instant, such as the operator's start.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// Whether all tests that there are are known.
    is_listed: bool,
    /// When a look found something last.
    noted_at: Option<Duration>,
    tests: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    place: Place,
    /// What it wants; `None` before anybody looked.
    wants: Option<BTreeSet<TargetName>>,
    standing: Standing,
    /// When the last look at it began.
    looked_at: Option<Duration>,
    /// Since when it is not known whether it is ready.
    unseen_since: Duration,
    /// Since when it waits for nothing but for its turn.
    ready_since: Option<Duration>,
    /// Since when it makes sure, at its turn, that everything is there.
    starting_since: Option<Duration>,
    /// Until when nobody needs to look at it that it keeps its place.
    kept_until: Duration,
    /// Whether it was first when somebody asked last.
    was_first: bool,
}

impl Queue {
    /// Notes whether all tests that there are are known.
    pub fn set_listed(&mut self, is_listed: bool) {
        self.is_listed = is_listed;
    }

    /// Learns of a test that there is. What is known of it stays.
    pub fn know(&mut self, uid: &str, place: Place, now: Duration) {
        self.tests.entry(uid.to_owned()).or_insert_with(|| Entry::new(place, now));
    }

    /// Forgets a test that does not exist any more.
    pub fn forget(&mut self, uid: &str) {
        self.tests.remove(uid);
    }

    /// Notes that nobody waits for a test, and that it is not looked at.
    pub fn set_away(&mut self, uid: &str) {
        if let Some(entry) = self.tests.get_mut(uid) {
            entry.standing = Standing::Away;
        }
    }

    /// Takes over what a look found of a test.
    pub fn note(&mut self, uid: &str, noted: Noted, now: Duration) {
        let Noted { place, wants, standing, began, next } = noted;
        if self.was_away(now) {
            // Each has the time again in which it is to come.
            let kept_until = now.saturating_add(LATE);
            self.tests.values_mut().for_each(|entry| entry.kept_until = entry.kept_until.max(kept_until));
        }
        self.noted_at = Some(now);
        let entry = self.tests.entry(uid.to_owned()).or_insert_with(|| Entry::new(place.clone(), now));
        // Whoever was seen to wait for something else and could not be asked again, it being others' turn, waits for it still.
        let is_still_waiting = standing == Standing::Unseen && entry.standing == Standing::Waiting;
        let standing = if is_still_waiting { Standing::Waiting } else { standing };
        if standing == Standing::Unseen && entry.standing != Standing::Unseen {
            entry.unseen_since = now;
        }
        entry.ready_since = match standing {
            Standing::Queued | Standing::Starting => entry.ready_since.or(Some(now)),
            Standing::Unseen
            | Standing::Waiting
            | Standing::Away
            | Standing::Measuring
            | Standing::Restoring => None,
        };
        entry.starting_since = match standing {
            Standing::Starting => Some(entry.starting_since.unwrap_or(now)),
            // Its target is being asked.
            Standing::Unseen => entry.starting_since,
            Standing::Waiting
            | Standing::Away
            | Standing::Queued
            | Standing::Measuring
            | Standing::Restoring => None,
        };
        entry.was_first &= standing == Standing::Queued;
        entry.place = place;
        entry.wants = Some(if standing == Standing::Away { BTreeSet::new() } else { wants });
        entry.standing = standing;
        entry.looked_at = Some(began);
        entry.kept_until = now.saturating_add(next).saturating_add(LATE);
    }

    /// Where a test is that waits for nothing else, and that wants this; `holders` have claims on it.
    pub fn line(
        &self,
        (uid, place): (&str, &Place),
        wants: &BTreeSet<TargetName>,
        holders: &[&str],
        now: Duration,
    ) -> Line {
        if wants.is_empty() {
            return Line::First;
        }
        let ready_since = self.tests.get(uid).and_then(|entry| entry.ready_since).unwrap_or(now);
        let holds = |uid: &str, entry: &Entry| holders.contains(&uid) || self.holds(entry, wants, now);
        let others = || self.tests.iter().filter(|(other, _)| *other != uid);
        let holding = others().filter(|(uid, entry)| holds(uid, entry));
        let mut before: Vec<(&String, &Entry)> = others()
            .filter(|(uid, entry)| !holds(uid, entry))
            .filter(|(_, entry)| entry.place < *place && self.is_waited_for(entry, wants, ready_since, now))
            .collect();
        before.sort_by(|(_, one), (_, other)| one.place.cmp(&other.place));
        let ahead: Vec<Ahead> = holding.chain(before).map(|(uid, entry)| entry.ahead(uid)).collect();
        if ahead.is_empty() && self.is_listed { Line::First } else { Line::Behind(ahead) }
    }

    /// The names of the tests that are to be looked at now: each whose turn it has become since this was asked last, and
    /// those that wait for something else while a younger one is ready.
    pub fn to_look_at(&mut self, now: Duration) -> BTreeSet<String> {
        if !self.is_listed {
            return BTreeSet::new();
        }
        let (mut names, first) = (self.to_look_at_once_more(now), self.first(now));
        for (uid, entry) in &mut self.tests {
            let is_first = first.contains(uid);
            if is_first && !entry.was_first {
                names.insert(entry.place.name.clone());
            }
            entry.was_first = is_first;
        }
        names
    }

    /// The names of those that wait for something else while a younger one is ready.
    fn to_look_at_once_more(&self, now: Duration) -> BTreeSet<String> {
        let just_ready: Vec<&Entry> = self
            .tests
            .values()
            .filter(|entry| entry.ready_since.is_some_and(|since| now < since.saturating_add(RELOOK)))
            .collect();
        let waiting = self.tests.values().filter(|entry| entry.standing == Standing::Waiting);
        let kept = |older: &&Entry| just_ready.iter().any(|younger| self.keeps_waiting(older, younger, now));
        waiting.filter(kept).map(|entry| entry.place.name.clone()).collect()
    }

    /// The UIDs of the queued tests for which nobody is ahead.
    fn first(&self, now: Duration) -> BTreeSet<String> {
        let is_in_line = |entry: &Entry| matches!(entry.standing, Standing::Queued | Standing::Starting);
        let mut in_line: Vec<(&String, &Entry)> =
            self.tests.iter().filter(|(_, entry)| is_in_line(entry)).collect();
        in_line.sort_by(|(_, one), (_, other)| one.place.cmp(&other.place));
        let (mut first, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for (uid, entry) in in_line {
            let Some(wants) = &entry.wants else { continue };
            // Whoever is not the first of those that wait for each of its targets need not be asked.
            if entry.standing == Standing::Queued
                && taken.is_disjoint(wants)
                && self.line((uid, &entry.place), wants, &[], now) == Line::First
            {
                first.insert(uid.clone());
            }
            if self.is_served_first(entry, now) {
                taken.extend(wants.iter().cloned());
            }
        }
        first
    }

    /// Whether this test, which waits for something else, is to be looked at before a younger one that is ready.
    fn keeps_waiting(&self, older: &Entry, younger: &Entry, now: Duration) -> bool {
        let Some((wants, since)) = younger.wants.as_ref().zip(younger.ready_since) else { return false };
        older.place < younger.place && self.is_waited_for(older, wants, since, now)
    }

    /// Whether a test comes when it is to come. While nobody was looked at for long, nobody could.
    fn has_its_place(&self, entry: &Entry, now: Duration) -> bool {
        now < entry.kept_until || self.was_away(now)
    }

    /// Whether a test that is in line is served before younger ones.
    fn is_served_first(&self, entry: &Entry, now: Duration) -> bool {
        Self::starts_soon(entry, now) && self.has_its_place(entry, now)
    }

    /// Whether a test whose turn it is is not late with starting.
    fn starts_soon(entry: &Entry, now: Duration) -> bool {
        entry.starting_since.is_none_or(|since| now < since.saturating_add(STARTS_WITHIN))
    }

    /// Whether nobody was looked at for as long as it takes to lose one's place.
    fn was_away(&self, now: Duration) -> bool {
        self.noted_at.is_some_and(|noted_at| now >= noted_at.saturating_add(LATE))
    }

    /// Whether a test has something of this, as far as it was seen.
    fn holds(&self, entry: &Entry, of: &BTreeSet<TargetName>, now: Duration) -> bool {
        match entry.standing {
            Standing::Measuring | Standing::Restoring => {
                entry.wants_any(of) && self.has_its_place(entry, now)
            }
            Standing::Unseen | Standing::Waiting | Standing::Away | Standing::Queued | Standing::Starting => {
                false
            }
        }
    }

    /// Whether a younger test that wants this, and is ready since then, waits for this one.
    fn is_waited_for(
        &self,
        entry: &Entry,
        wants: &BTreeSet<TargetName>,
        ready_since: Duration,
        now: Duration,
    ) -> bool {
        entry.wants_any(wants)
            && match entry.standing {
                Standing::Queued | Standing::Starting => self.is_served_first(entry, now),
                Standing::Unseen => {
                    Self::starts_soon(entry, now) && now < entry.unseen_since.saturating_add(UNSEEN)
                }
                Standing::Waiting => {
                    entry.looked_at.is_none_or(|looked_at| looked_at < ready_since)
                        && now < ready_since.saturating_add(RELOOK)
                }
                Standing::Away | Standing::Measuring | Standing::Restoring => false,
            }
    }

    /// How many tests wait for their turn.
    pub fn queued(&self) -> usize {
        self.tests.values().filter(|entry| entry.standing == Standing::Queued).count()
    }
}

impl Entry {
    fn new(place: Place, now: Duration) -> Self {
        Self {
            place,
            wants: None,
            standing: Standing::Unseen,
            looked_at: None,
            unseen_since: now,
            ready_since: None,
            starting_since: None,
            kept_until: now.saturating_add(UNSEEN),
            was_first: false,
        }
    }

    /// Whether it wants something of this; nobody knows what one wants that was never looked at.
    fn wants_any(&self, of: &BTreeSet<TargetName>) -> bool {
        self.wants.as_ref().is_none_or(|wants| !wants.is_disjoint(of))
    }

    fn ahead(&self, uid: &str) -> Ahead {
        Ahead { uid: uid.to_owned(), name: self.place.name.clone(), standing: self.standing }
    }
}

#[cfg(test)]
mod tests;
