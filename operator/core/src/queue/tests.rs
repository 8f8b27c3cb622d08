use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use throughput_test_support::dice::Dice;

use super::{Ahead, LATE, Line, Noted, Place, Queue, RELOOK, STARTS_WITHIN, Standing, UNSEEN};
use crate::target::TargetName;

/// How soon each test is to be looked at again.
const NEXT: Duration = Duration::from_secs(5);
const ALL: [Standing; 7] = [
    Standing::Unseen,
    Standing::Waiting,
    Standing::Away,
    Standing::Queued,
    Standing::Starting,
    Standing::Measuring,
    Standing::Restoring,
];

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The place of a test that was created in this second.
fn place(name: &str, created: u64) -> Place {
    let created = Timestamp::from_second(1_800_000_000 + i64::try_from(created).unwrap()).unwrap();
    Place { created, name: name.to_owned() }
}

fn targets(names: &[&str]) -> BTreeSet<TargetName> {
    names.iter().map(|name| TargetName::deployment(*name)).collect()
}

/// What a look finds that begins now.
fn noted(place: &Place, wants: &BTreeSet<TargetName>, standing: Standing, now: Duration) -> Noted {
    Noted { place: place.clone(), wants: wants.clone(), standing, began: now, next: NEXT }
}

/// A queue that knows all tests that there are: each with its name, which is its UID too, the second of its creation, what
/// it wants and what it does, as seen in second 0.
fn queue(tests: &[(&str, u64, &[&str], Standing)]) -> Queue {
    let mut queue = Queue::default();
    queue.set_listed(true);
    for (name, created, wants, standing) in tests {
        let noted = noted(&place(name, *created), &targets(wants), *standing, seconds(0));
        queue.know(name, place(name, *created), seconds(0));
        queue.note(name, noted, seconds(0));
    }
    queue
}

/// The names of those ahead of this test, in this second.
fn ahead(queue: &Queue, name: &str, created: u64, wants: &[&str], now: u64) -> Vec<String> {
    match queue.line((name, &place(name, created)), &targets(wants), &[], seconds(now)) {
        Line::First => Vec::new(),
        Line::Behind(ahead) => ahead.into_iter().map(|Ahead { name, .. }| name).collect(),
    }
}

#[test]
fn the_older_test_is_served_first_and_of_one_second_the_one_whose_name_comes_first() {
    let queue = queue(&[
        ("young", 3, &["worker"], Standing::Queued),
        ("b", 2, &["worker"], Standing::Queued),
        ("a", 2, &["worker"], Standing::Queued),
        ("old", 1, &["worker"], Standing::Queued),
    ]);
    assert_eq!(ahead(&queue, "old", 1, &["worker"], 1), [""; 0]);
    assert_eq!(ahead(&queue, "young", 3, &["worker"], 1), ["old", "a", "b"]);
}

#[test]
fn whoever_wants_another_target_or_none_waits_for_nobody() {
    let queue = queue(&[
        ("holder", 1, &["worker"], Standing::Measuring),
        ("other", 2, &["content"], Standing::Queued),
        ("nothing", 3, &[], Standing::Queued),
    ]);
    assert_eq!(ahead(&queue, "other", 2, &["content"], 1), [""; 0]);
    assert_eq!(ahead(&queue, "nothing", 3, &[], 1), [""; 0]);
}

#[test]
fn whoever_holds_a_target_is_ahead_however_young_it_is() {
    for standing in [Standing::Measuring, Standing::Restoring] {
        let queue = queue(&[("old", 1, &["worker"], Standing::Queued), ("young", 2, &["worker"], standing)]);
        assert_eq!(ahead(&queue, "old", 1, &["worker"], 1), ["young"]);
    }
}

#[test]
fn a_claim_puts_its_holder_ahead_whatever_was_seen_of_it() {
    for standing in ALL {
        let queue = queue(&[("young", 2, &[], standing)]);
        let line =
            queue.line(("old", &place("old", 1)), &targets(&["worker"]), &["young", "gone"], seconds(900));
        let ahead = Ahead { uid: "young".to_owned(), name: "young".to_owned(), standing };
        assert_eq!(line, Line::Behind(vec![ahead]));
        assert!(line.is_behind("young") && !line.is_behind("gone"));
    }
}

#[test]
fn whoever_waits_for_one_target_keeps_all_of_its_targets_from_younger_tests() {
    let queue = queue(&[
        ("holder", 1, &["content"], Standing::Measuring),
        ("both", 2, &["worker", "content"], Standing::Queued),
        ("young", 3, &["worker"], Standing::Queued),
    ]);
    assert_eq!(ahead(&queue, "both", 2, &["worker", "content"], 1), ["holder"]);
    assert_eq!(ahead(&queue, "young", 3, &["worker"], 1), ["both"]);
}

#[test]
fn whoever_waits_for_something_else_is_looked_at_once_more_and_then_keeps_nobody_waiting() {
    let (old, wants) = (place("old", 1), targets(&["worker"]));
    let mut queue = queue(&[("old", 1, &["worker"], Standing::Waiting)]);
    // Whoever has just become ready does not know yet whether the older one has, too.
    assert_eq!(ahead(&queue, "young", 2, &["worker"], 10), ["old"]);
    queue.note("young", noted(&place("young", 2), &wants, Standing::Queued, seconds(10)), seconds(10));
    assert_eq!(queue.to_look_at(seconds(10)), ["old".to_owned()].into());
    queue.note("old", noted(&old, &wants, Standing::Waiting, seconds(10)), seconds(10));
    assert_eq!(ahead(&queue, "young", 2, &["worker"], 10), [""; 0]);
    assert_eq!(queue.to_look_at(seconds(10)), ["young".to_owned()].into());
    assert_eq!(queue.to_look_at(seconds(10)), BTreeSet::new(), "once");
    // An hour later it is ready and comes first.
    queue.note("old", noted(&old, &wants, Standing::Queued, seconds(3_600)), seconds(3_600));
    assert_eq!(ahead(&queue, "young", 2, &["worker"], 3_600), ["old"]);
}

#[test]
fn whoever_waits_for_something_else_and_cannot_be_looked_at_is_passed_over_soon() {
    let mut queue = queue(&[("old", 1, &["worker"], Standing::Waiting)]);
    let young = noted(&place("young", 2), &targets(&["worker"]), Standing::Queued, seconds(10));
    queue.note("young", young, seconds(10));
    let at = |now: Duration| queue.line(("young", &place("young", 2)), &targets(&["worker"]), &[], now);
    assert_ne!(at(seconds(10)), Line::First);
    assert_eq!(at(seconds(10) + RELOOK), Line::First);
}

#[test]
fn whoever_is_suspended_or_over_keeps_nobody_waiting() {
    let queue = queue(&[("old", 1, &["worker"], Standing::Away)]);
    assert_eq!(ahead(&queue, "young", 2, &["worker"], 1), [""; 0]);
}

#[test]
fn whoever_was_never_looked_at_may_want_anything_and_is_waited_for_a_while() {
    let mut queue = queue(&[]);
    queue.know("old", place("old", 1), seconds(100));
    let at = |now: Duration| queue.line(("young", &place("young", 2)), &targets(&["worker"]), &[], now);
    assert_ne!(at(seconds(100)), Line::First);
    assert_eq!(at(seconds(100) + UNSEEN), Line::First);
    // Looking whether it is ready without coming to know it does not begin this anew.
    let unseen = noted(&place("old", 1), &targets(&["worker"]), Standing::Unseen, seconds(110));
    queue.note("old", unseen, seconds(110));
    let at = |now: Duration| queue.line(("young", &place("young", 2)), &targets(&["worker"]), &[], now);
    assert_ne!(at(seconds(111)), Line::First);
    assert_eq!(at(seconds(100) + UNSEEN), Line::First);
}

#[test]
fn whoever_does_not_come_again_loses_its_place() {
    for standing in [Standing::Queued, Standing::Measuring, Standing::Restoring] {
        let mut queue = queue(&[("old", 1, &["worker"], standing)]);
        let (young, wants) = (place("young", 2), targets(&["worker"]));
        let late = NEXT + LATE;
        let mut now = seconds(0);
        while now < late {
            assert_ne!(queue.line(("young", &young), &wants, &[], now), Line::First, "{standing:?}");
            queue.note("young", noted(&young, &wants, Standing::Queued, now), now);
            now += NEXT;
        }
        assert_eq!(queue.line(("young", &young), &wants, &[], late), Line::First, "{standing:?}");
    }
}

#[test]
fn whoever_is_first_and_does_not_come_to_claim_is_overtaken_until_it_is_ready() {
    let mut queue = queue(&[("silent", 1, &["worker"], Standing::Queued)]);
    let (silent, young, wants) = (place("silent", 1), place("young", 2), targets(&["worker"]));
    let at = |queue: &Queue, now: Duration| queue.line(("young", &young), &wants, &[], now);
    assert_ne!(at(&queue, seconds(3)), Line::First);
    // However often somebody looks meanwhile.
    for (second, standing) in [(4, Standing::Starting), (6, Standing::Unseen), (8, Standing::Unseen)] {
        let looked = noted(&silent, &wants, standing, seconds(second));
        queue.note("silent", looked, seconds(second));
    }
    assert_ne!(at(&queue, seconds(8)), Line::First);
    assert_eq!(at(&queue, seconds(4) + STARTS_WITHIN), Line::First);
    queue.note("silent", noted(&silent, &wants, Standing::Queued, seconds(20)), seconds(20));
    assert_ne!(at(&queue, seconds(21)), Line::First, "it is back in its place");
}

#[test]
fn whoever_could_not_be_asked_again_waits_for_what_it_waited_for() {
    let mut queue = queue(&[("silent", 1, &["worker"], Standing::Waiting)]);
    let (silent, young, wants) = (place("silent", 1), place("young", 2), targets(&["worker"]));
    queue.note("silent", noted(&silent, &wants, Standing::Unseen, seconds(10)), seconds(10));
    queue.note("young", noted(&young, &wants, Standing::Queued, seconds(11)), seconds(11));
    let at = |now: Duration| queue.line(("young", &young), &wants, &[], now);
    assert_eq!(at(seconds(11) + RELOOK), Line::First);
}

#[test]
fn while_nobody_can_be_looked_at_nobody_loses_its_place() {
    let mut queue = queue(&[("old", 1, &["worker"], Standing::Queued)]);
    let (young, wants, hour) = (place("young", 2), targets(&["worker"]), seconds(3_600));
    assert_ne!(queue.line(("young", &young), &wants, &[], hour), Line::First);
    queue.note("young", noted(&young, &wants, Standing::Queued, hour), hour);
    let at = |now: Duration| queue.line(("young", &young), &wants, &[], now);
    assert_ne!(at(hour + LATE / 2), Line::First);
}

#[test]
fn nobody_is_served_before_it_is_known_which_tests_there_are() {
    let mut queue = queue(&[]);
    let at = |queue: &Queue| queue.line(("a", &place("a", 1)), &targets(&["worker"]), &[], seconds(1));
    queue.set_listed(false);
    assert_eq!(at(&queue), Line::Behind(Vec::new()));
    queue.set_listed(true);
    assert_eq!(at(&queue), Line::First);
}

#[test]
fn whoever_becomes_first_is_to_be_looked_at_and_nobody_else() {
    let tests: [(&str, u64, &[&str], Standing); 4] = [
        ("a", 1, &["worker"], Standing::Measuring),
        ("b", 2, &["worker"], Standing::Queued),
        ("c", 3, &["worker"], Standing::Queued),
        ("d", 4, &["content"], Standing::Queued),
    ];
    let first = |queue: &mut Queue| queue.to_look_at(seconds(1)).into_iter().collect::<Vec<_>>();
    let mut queue = queue(&tests);
    assert_eq!(first(&mut queue), ["d"]);
    queue.note("a", noted(&place("a", 1), &targets(&["worker"]), Standing::Away, seconds(1)), seconds(1));
    assert_eq!(first(&mut queue), ["b"]);
    queue.forget("b");
    assert_eq!(first(&mut queue), ["c"]);
    queue.set_away("c");
    assert_eq!((first(&mut queue), queue.queued()), (Vec::new(), 1));
}

/// More seconds than twenty tests take that each wait for up to 40 s at first, and then hold for up to 20.
const LONGEST: u64 = 40 + 20 * 30;

/// A namespace in which tests come and go by chance.
struct Scene {
    queue: Queue,
    dice: Dice,
    now: Duration,
    /// The tests that are not over, by name.
    tests: BTreeMap<String, Test>,
    /// The names in the order in which they were served.
    served: Vec<String>,
}

#[derive(Clone, Debug)]
struct Test {
    place: Place,
    wants: BTreeSet<TargetName>,
    standing: Standing,
    /// Until when it waits for something else, or holds its targets.
    until: Duration,
}

impl Scene {
    /// So many tests, created one after the other, that are looked at for the first time.
    fn new(seed: u64, tests: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut queue = Queue::default();
        queue.set_listed(true);
        let mut scene_tests = BTreeMap::new();
        for number in 0..tests {
            let name = format!("t{:02}", dice.below(100_000) * 100 + number);
            let names = ["a", "b", "c", "d"].into_iter().filter(|_| dice.one_in(2)).collect::<Vec<_>>();
            let wants = targets(if names.is_empty() { &["a"] } else { &names });
            // Some are created in the same second.
            let place = place(&name, dice.below(tests));
            queue.know(&name, place.clone(), seconds(0));
            let until = seconds(dice.below(40));
            scene_tests.insert(name, Test { place, wants, standing: Standing::Unseen, until });
        }
        Self { queue, dice, now: seconds(0), tests: scene_tests, served: Vec::new() }
    }

    /// The tests that hold claims on some of this.
    fn holders(&self, wants: &BTreeSet<TargetName>) -> Vec<String> {
        let holds = |test: &&Test| test.standing == Standing::Measuring && !test.wants.is_disjoint(wants);
        self.tests.values().filter(holds).map(|test| test.place.name.clone()).collect()
    }

    /// Looks at a test, as the operator does.
    fn look(&mut self, name: &str) {
        let Some(test) = self.tests.get(name).cloned() else { return };
        let holders = self.holders(&test.wants);
        let holders: Vec<&str> = holders.iter().map(String::as_str).filter(|other| *other != name).collect();
        let line = self.queue.line((name, &test.place), &test.wants, &holders, self.now);
        let standing = match test.standing {
            Standing::Measuring if self.now < test.until => Standing::Measuring,
            Standing::Measuring => Standing::Away,
            _ if self.now < test.until => Standing::Waiting,
            Standing::Starting if line == Line::First => {
                assert!(holders.is_empty(), "{name} claims what {holders:?} have");
                self.served.push(name.to_owned());
                Standing::Measuring
            }
            _ if line == Line::First => Standing::Starting,
            _ => Standing::Queued,
        };
        let held_for = seconds(self.dice.below(20));
        let test = self.tests.get_mut(name).unwrap();
        if standing == Standing::Measuring && test.standing != Standing::Measuring {
            test.until = self.now + held_for;
        }
        test.standing = standing;
        self.queue.note(name, noted(&test.place, &test.wants, standing, self.now), self.now);
        if standing == Standing::Away {
            self.tests.remove(name);
        }
    }

    /// Lets all tests come to their end.
    fn pass(&mut self) {
        for _ in 0..LONGEST {
            if self.tests.is_empty() {
                return;
            }
            self.pass_a_second();
        }
    }

    /// Lets a second pass: each test is looked at that is to be, and every few seconds each of the others, in any order.
    fn pass_a_second(&mut self) {
        self.now += seconds(1);
        loop {
            let mut names: Vec<String> = self.queue.to_look_at(self.now).into_iter().collect();
            if names.is_empty() {
                break;
            }
            while !names.is_empty() {
                let name = names.swap_remove(self.dice.index(names.len()));
                self.look(&name);
            }
        }
        for (name, test) in self.tests.clone() {
            // Whoever is about to start is looked at again at once.
            if test.standing == Standing::Starting || self.dice.one_in(3) {
                self.look(&name);
            }
        }
    }
}

#[test]
fn all_tests_are_served_whatever_they_want_and_whenever_they_are_ready() {
    for seed in 0..100 {
        let mut scene = Scene::new(seed, 20);
        scene.pass();
        assert_eq!((scene.served.len(), scene.tests.len()), (20, 0), "seed {seed}: {:#?}", scene.tests);
    }
}

#[test]
fn of_tests_that_are_ready_none_is_overtaken_by_a_younger_one_that_wants_one_of_its_targets() {
    for seed in 0..100 {
        let mut scene = Scene::new(seed, 20);
        for test in scene.tests.values_mut() {
            test.until = seconds(0);
        }
        let all = scene.tests.clone();
        scene.pass();
        assert_eq!(scene.served.len(), 20, "seed {seed}");
        for (number, name) in scene.served.iter().enumerate() {
            for later in &scene.served[number + 1..] {
                let (first, second) = (&all[name], &all[later]);
                assert!(
                    first.place < second.place || first.wants.is_disjoint(&second.wants),
                    "seed {seed}: {second:?} is overtaken by {first:?}"
                );
            }
        }
    }
}

#[test]
fn of_any_tests_that_want_the_same_exactly_one_is_first() {
    for seed in 0..100 {
        let mut scene = Scene::new(seed, 12);
        let standings = [Standing::Queued, Standing::Starting];
        let tests: Vec<Test> = scene.tests.values().cloned().collect();
        let same = targets(&["a"]);
        for test in &tests {
            let standing = *scene.dice.pick(&standings);
            scene.queue.note(&test.place.name, noted(&test.place, &same, standing, seconds(1)), seconds(1));
        }
        let is_first = |test: &&Test| {
            scene.queue.line((&test.place.name, &test.place), &same, &[], seconds(1)) == Line::First
        };
        let first: Vec<&Place> = tests.iter().filter(is_first).map(|test| &test.place).collect();
        assert_eq!(first, [tests.iter().map(|test| &test.place).min().unwrap()], "seed {seed}");
    }
}
