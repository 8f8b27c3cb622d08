//! The stop rule: enough tasks were dispatched.
//!
//! Nobody knows beforehand how many tasks a request dispatches, or whether it fails. So a request is sent
//! only while the tasks dispatched, and the most that the requests under way may dispatch, are fewer than the
//! tasks wanted. Users that may not send wait: a request under way may yield less than it might have, and then
//! others are needed. More tasks than wanted are dispatched only by a request that yields more than any before it.

/// Tasks wanted, tasks dispatched, and tasks that requests under way may dispatch at any moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    tasks_wanted: u64,
    dispatched: u64,
    /// Requests under way.
    in_flight: u64,
    /// The most tasks that a request yielded; before the first one, the number that is expected of it.
    largest_yield: u64,
    /// Whether any request has yielded something yet.
    seen_yield: bool,
}

impl Budget {
    /// A budget of so many tasks, by requests that are expected to dispatch so many each.
    pub fn new(tasks_wanted: u64, tasks_per_request: u64) -> Self {
        Self {
            tasks_wanted,
            dispatched: 0,
            in_flight: 0,
            largest_yield: tasks_per_request.max(1),
            seen_yield: false,
        }
    }

    /// Whether one more request may be sent now.
    pub fn may_send(&self) -> bool {
        let possible = self.in_flight.saturating_mul(self.largest_yield);
        self.dispatched.saturating_add(possible) < self.tasks_wanted
    }

    /// Whether the tasks wanted were dispatched.
    pub fn is_reached(&self) -> bool {
        self.dispatched >= self.tasks_wanted
    }

    /// Notes a request that was sent.
    pub fn note_sent(&mut self) {
        self.in_flight += 1;
    }

    /// Notes a request that ended, and the number of tasks that it dispatched; 0 when it failed.
    pub fn note_finished(&mut self, tasks: u64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.dispatched = self.dispatched.saturating_add(tasks);
        if tasks > 0 {
            self.largest_yield = if self.seen_yield { self.largest_yield.max(tasks) } else { tasks };
            self.seen_yield = true;
        }
    }

    /// The number of tasks dispatched.
    pub fn dispatched(&self) -> u64 {
        self.dispatched
    }

    /// The most tasks that one request dispatched; 0 when none has yet.
    pub fn largest_yield(&self) -> u64 {
        if self.seen_yield { self.largest_yield } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends as many requests as `users` may, and tells how many.
    fn send_all(budget: &mut Budget, users: u64) -> u64 {
        let mut sent = 0;
        while sent < users && budget.may_send() {
            budget.note_sent();
            sent += 1;
        }
        sent
    }

    #[test]
    fn single_tasks_add_up_to_the_tasks_wanted_with_any_number_of_users() {
        for users in [1, 3, 10, 100] {
            let (mut budget, mut sent) = (Budget::new(25, 1), 0);
            while !budget.is_reached() {
                let batch = send_all(&mut budget, users);
                sent += batch;
                (0..batch).for_each(|_| budget.note_finished(1));
            }
            assert_eq!((sent, budget.dispatched()), (25, 25), "{users} users");
        }
    }

    #[test]
    fn a_known_yield_adds_up_to_a_multiple_of_it_exactly() {
        let mut budget = Budget::new(1_000, 100);
        assert_eq!(send_all(&mut budget, 50), 10);
        (0..10).for_each(|_| budget.note_finished(100));
        assert!(budget.is_reached());
        assert_eq!(budget.dispatched(), 1_000);
    }

    #[test]
    fn an_unknown_yield_is_learnt_from_the_first_answer() {
        let mut budget = Budget::new(1_000, 1);
        assert_eq!(send_all(&mut budget, 2), 2);
        budget.note_finished(300);
        // 300 are there, 300 may come: 2 more requests fit below 1,000, of which 1 is under way already.
        assert_eq!(send_all(&mut budget, 10), 2);
        budget.note_finished(300);
        assert!(!budget.may_send(), "600 are there, and 2 x 300 may come");
    }

    #[test]
    fn a_request_that_yields_less_makes_room_for_another() {
        let mut budget = Budget::new(200, 100);
        assert_eq!(send_all(&mut budget, 5), 2);
        budget.note_finished(0);
        assert_eq!(send_all(&mut budget, 5), 1);
        budget.note_finished(100);
        budget.note_finished(60);
        assert_eq!(send_all(&mut budget, 5), 1);
    }

    #[test]
    fn nothing_is_sent_when_no_task_is_wanted() {
        let budget = Budget::new(0, 100);
        assert!(!budget.may_send() && budget.is_reached());
        assert_eq!(budget.largest_yield(), 0);
    }

    #[test]
    fn absurd_yields_do_not_overflow() {
        let mut budget = Budget::new(u64::MAX, u64::MAX);
        assert_eq!(send_all(&mut budget, 3), 1);
        budget.note_finished(u64::MAX);
        assert!(budget.is_reached() && !budget.may_send());
        budget.note_finished(u64::MAX);
        assert_eq!(budget.dispatched(), u64::MAX);
    }
}
