//! Several tests at once that want the same Deployments, each in a world of its own in which it sees what the others
//! have claimed. One operator looks at them in any order, and is killed at any point.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use throughput_crds::Verdict;
use throughput_test_support::dice::Dice;

use super::runs::{assert_put_back, hasty};
use super::world::World;
use super::{Disturbance, Walked, look_once};
use crate::clock::elapsed;
use crate::decide::fixture::{at, plan_of};
use crate::plan::Plan;
use crate::queue::{Noted, Place, Queue, standing};
use crate::target::TargetName;

/// More seconds than the runs take, one after the other.
const MOST_SECONDS: u32 = 2_000;
/// Longer than it takes to claim, and shorter than a run.
const START_DEADLINE: Duration = Duration::from_secs(15);

/// A test with its world.
struct Member {
    place: Place,
    plan: Plan,
    walked: Walked,
    /// Where the operator is killed in the run of this test.
    killed: Option<Disturbance>,
}

/// Tests of one namespace, and what the operator knows of their queue.
struct Crowd {
    members: Vec<Member>,
    queue: Queue,
    dice: Dice,
    now: Duration,
    /// The names of those that have claimed, in the order in which they had.
    started: Vec<String>,
}

impl Member {
    /// A run of one cell that scales these, every stage of which ends within a minute, the wait for its targets much sooner.
    fn new(name: &str, created: i64, scale: &[&str]) -> Self {
        let plan = plan_of(&json!([{"name": "workers", "of": "Scale", "values": [4]}]));
        let mut plan = hasty(plan);
        plan.deadlines.start = START_DEADLINE;
        plan.scale.retain(|entry| scale.contains(&entry.name.as_str()));
        let walked = Walked { world: World::new(), effects: 0, reports_at: Vec::new(), refused: Vec::new() };
        let place = Place { created: at(created), name: name.to_owned() };
        Self { place, plan, walked, killed: None }
    }

    fn wants(&self) -> BTreeSet<TargetName> {
        self.plan.scale.iter().map(|entry| entry.target.clone()).collect()
    }
}

impl Crowd {
    /// Tests that are created in an instant.
    fn new(members: Vec<Member>, seed: u64) -> Self {
        let mut crowd = Self {
            members,
            queue: Queue::default(),
            dice: Dice::new(seed),
            now: Duration::ZERO,
            started: Vec::new(),
        };
        crowd.begin_anew();
        crowd
    }

    /// Forgets what an operator that is started does not know.
    fn begin_anew(&mut self) {
        self.queue = Queue::default();
        for Member { place, .. } in &self.members {
            self.queue.know(&place.name, place.clone(), self.now);
        }
        self.queue.set_listed(true);
    }

    /// Lets all runs come to their end.
    fn walk(&mut self) {
        for look in 0..MOST_SECONDS {
            if self.members.iter().all(|member| member.walked.world.is_over()) {
                return;
            }
            let mut numbers: Vec<usize> = (0..self.members.len()).collect();
            while !numbers.is_empty() {
                let number = numbers.swap_remove(self.dice.index(numbers.len()));
                self.look_at(number, look);
            }
            self.members.iter_mut().for_each(|member| member.walked.world.pass_a_second());
            self.now += Duration::from_secs(1);
        }
        let stored = self.members.iter().map(|member| member.walked.world.stored().current.clone());
        panic!("they do not end: {:#?}", stored.collect::<Vec<_>>());
    }

    fn look_at(&mut self, number: usize, look: u32) {
        let held_by = self.held_by_others(number);
        let member = &mut self.members[number];
        let name = member.place.name.clone();
        let wants = member.wants();
        let holders: Vec<&str> = held_by.iter().map(|(_, holder)| holder.as_str()).collect();
        let line = self.queue.line((&name, &member.place), &wants, &holders, self.now);
        let world = &mut member.walked.world;
        if world.is_over() {
            return;
        }
        world.line = line;
        world.held_by = held_by
            .iter()
            .map(|(deployment, holder)| (deployment.clone(), format!("pulp/{holder}/{holder}")))
            .collect();
        let (before, effects, holds) =
            (world.stored().clone(), member.walked.effects, !world.claimed().is_empty());
        let killed: Vec<Disturbance> = member.killed.into_iter().collect();
        look_once(&member.plan, &mut member.walked, &killed, look);
        let world = &member.walked.world;
        let after = world.stored();
        if before.started_at.is_none() && after.started_at.is_some() {
            self.started.push(name.clone());
        }
        let now_held: BTreeSet<String> = world.claimed().into_iter().collect();
        let others: BTreeSet<String> = held_by.into_iter().map(|(deployment, _)| deployment).collect();
        assert!(now_held.is_disjoint(&others), "{name} has claimed what others have: {now_held:?}");
        if let Some(Disturbance::KilledBefore(number)) = member.killed
            && (effects..member.walked.effects).contains(&number)
        {
            return self.begin_anew();
        }
        let standing = standing(&before, after, (world.deleting, holds));
        let next = Duration::from_secs(1);
        let noted = Noted { place: member.place.clone(), wants, standing, began: self.now, next };
        self.queue.note(&name, noted, self.now);
    }

    /// The Deployments that others than this member have claimed, each with who.
    fn held_by_others(&self, number: usize) -> Vec<(String, String)> {
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != number);
        let held = others.flat_map(|(_, member)| {
            let claimed = member.walked.world.claimed().into_iter();
            claimed.map(|deployment| (deployment, member.place.name.clone()))
        });
        held.collect()
    }
}

/// Three tests for the workers, and one for all that there is between them.
fn members() -> Vec<Member> {
    vec![
        Member::new("d", 0, &["workers"]),
        Member::new("c", 1, &["workers", "content"]),
        Member::new("b", 2, &["workers"]),
        Member::new("a", 2, &["workers"]),
    ]
}

/// The order of their places.
const IN_ORDER: [&str; 4] = ["d", "c", "a", "b"];

fn assert_all_passed_in_order(crowd: &Crowd, context: &str) {
    assert_eq!(crowd.started, IN_ORDER, "{context}");
    for Member { place, walked, .. } in &crowd.members {
        assert_eq!(walked.world.stored().verdict, Some(Verdict::Passed), "{context}: {}", place.name);
        assert_put_back(walked, &[]);
    }
}

#[test]
fn tests_that_want_the_same_are_served_in_the_order_of_their_creation() {
    for seed in 0..10 {
        let mut crowd = Crowd::new(members(), seed);
        crowd.walk();
        assert_all_passed_in_order(&crowd, &format!("seed {seed}"));
        let last = crowd.members.iter().filter_map(|member| member.walked.world.stored().started_at).max();
        let waited = last.map(|last| elapsed(at(0), last));
        assert!(
            waited > Some(2 * START_DEADLINE),
            "nobody waited for longer than timeouts.start: {waited:?}"
        );
    }
}

#[test]
fn an_operator_killed_at_any_point_keeps_the_order() {
    let mut undisturbed = Crowd::new(members(), 0);
    undisturbed.walk();
    for (victim, member) in undisturbed.members.iter().enumerate() {
        for number in 0..member.walked.effects {
            let mut crowd = Crowd::new(members(), 0);
            crowd.members[victim].killed = Some(Disturbance::KilledBefore(number));
            crowd.walk();
            assert_all_passed_in_order(&crowd, &format!("{} killed before {number}", member.place.name));
        }
    }
}
