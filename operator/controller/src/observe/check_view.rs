//! The one question to a view that dispatches, before anything is claimed. It is asked besides the looks: no look waits for
//! an answer that may never come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use throughput_core::identity::TestFacts;
use throughput_core::kinds::pulp_tasks::observed::ViewFault;
use throughput_model::cell::CellAddress;
use throughput_model::workload::{PulpEndpoint, TestView};
use throughput_pulp::PulpClient;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::cadence::turns::{Lane, Turn, Turns};

/// How long a look waits for the answer. The next one takes it if it comes later.
const GLANCE: Duration = Duration::from_secs(2);

/// What came of the question, by the test's uid. That it was asked is in the status too; this is for looks after which
/// the status could not be written.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckedViews(Arc<Mutex<HashMap<String, Check>>>);

#[derive(Debug)]
struct Check {
    answer: watch::Receiver<Answer>,
    asking: AbortOnDropHandle<()>,
}

/// How far the question is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is others' turn.
    NotYetAsked,
    /// It is under way.
    #[default]
    UnderWay,
    /// This is wrong with the view, if anything.
    Known(Option<ViewFault>),
}

impl CheckedViews {
    /// What is wrong with the view, asked only if nobody has.
    pub(super) async fn ask(
        &self,
        client: Arc<PulpClient>,
        (endpoint, view): (&PulpEndpoint, &TestView),
        test: &TestFacts,
        turns: &Turns,
    ) -> Answer {
        let known = self.lock().get(&test.uid).map(|check| check.answer.clone());
        let mut answer = match known {
            Some(answer) => answer,
            None => match turns.take(test, Lane::Check, Instant::now()) {
                Some(turn) => self.begin(client, (endpoint, view), test, turn),
                None => return Answer::NotYetAsked,
            },
        };
        let known = answer.wait_for(|answer| *answer != Answer::UnderWay);
        match tokio::time::timeout(GLANCE, known).await {
            Ok(Ok(answer)) => answer.clone(),
            Ok(Err(_)) => {
                let lost = "the question with checkQuery was given up before its answer came";
                Answer::Known(Some(ViewFault::Failed(lost.to_owned())))
            }
            Err(_) => Answer::UnderWay,
        }
    }

    fn begin(
        &self,
        client: Arc<PulpClient>,
        (endpoint, view): (&PulpEndpoint, &TestView),
        test: &TestFacts,
        turn: Turn,
    ) -> watch::Receiver<Answer> {
        let (sender, answer) = watch::channel(Answer::UnderWay);
        let first = CellAddress { test_uid: test.uid.clone(), cell: 0, attempt: 1 };
        let (url, view) = (format!("{}{}", endpoint.base_url, view.path), view.clone());
        let asking = tokio::spawn(async move {
            let asked = client.ask_test_view(&view, first.check_correlation_id());
            let fault = match tokio::time::timeout(turn.deadline(), asked).await {
                Ok(Ok(0)) => None,
                Ok(Ok(_)) => Some(ViewFault::Dispatched),
                Ok(Err(error)) => Some(ViewFault::Failed(format!("{url}: {error}"))),
                Err(_) => {
                    let seconds = turn.deadline().as_secs();
                    Some(ViewFault::Failed(format!("{url}: no answer within {seconds} s")))
                }
            };
            drop(turn);
            sender.send_replace(Answer::Known(fault));
        });
        let check = Check { answer: answer.clone(), asking: AbortOnDropHandle::new(asking) };
        self.lock().insert(test.uid.clone(), check);
        answer
    }

    /// Ends a question that is under way. It is not asked again.
    pub(super) fn give_up(&self, test_uid: &str) {
        if let Some(check) = self.lock().get(test_uid) {
            check.asking.abort();
        }
    }

    /// Forgets a test that is over.
    pub(super) fn forget(&self, test_uid: &str) {
        self.lock().remove(test_uid);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Check>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;
    use throughput_core::kinds::pulp_tasks::plan::PulpUnderTest;
    use throughput_core::plan::Plan;
    use throughput_core::plan::permissions::Permissions;
    use throughput_pulp::{ClientOptions, Credentials};
    use throughput_sources::registry::Registry;
    use throughput_test_support::silent::Silent;

    use super::*;

    pub(in crate::observe) fn plan(url: &str) -> Plan {
        let spec = json!({
            "targets": [{"name": "pulp", "url": url, "credentials": {"method": "None"}, "pulp": {}}],
            "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w"}}],
            "workload": {"pulpTasks": {"tasks": 10, "dispatch": {"testView": {
                "query": {"tasks": "5"}, "checkQuery": {"tasks": "0"}, "timeout": "30m",
            }}}},
        });
        let permissions = Permissions::new(&[url.to_owned()], &[]);
        Plan::new("pulp", &serde_json::from_value(spec).unwrap(), &permissions, &Registry).unwrap()
    }

    fn test() -> TestFacts {
        TestFacts {
            namespace: "pulp".to_owned(),
            name: "run".to_owned(),
            uid: "3f1c".to_owned(),
            generation: None,
        }
    }

    async fn silence() -> (Silent, PulpUnderTest, Arc<PulpClient>) {
        let silent = Silent::start().await.unwrap();
        let pulp = plan(silent.url()).subject(0).unwrap().pulp.clone();
        let none = Credentials::Password { username: String::new(), password: String::new() };
        let client = PulpClient::new(&pulp.endpoint, Some(none), ClientOptions::default()).unwrap();
        (silent, pulp, Arc::new(client))
    }

    #[tokio::test(start_paused = true)]
    async fn a_view_that_stays_silent_is_given_up_after_its_turn_and_not_asked_again() {
        let (silent, pulp, client) = silence().await;
        let (checked, turns) = (CheckedViews::default(), Turns::default());
        let view = pulp.view_check.as_ref().unwrap();
        let ask = async || checked.ask(client.clone(), (&pulp.endpoint, view), &test(), &turns).await;
        let mut looks = 0;
        let answer = loop {
            looks += 1;
            match ask().await {
                Answer::UnderWay => {}
                answer => break answer,
            }
        };
        let words = format!("{}/pulp/test/tasks/: no answer within 60 s", silent.url());
        assert_eq!(answer, Answer::Known(Some(ViewFault::Failed(words))));
        assert!(looks > 20, "{looks} looks, none of which waited for it");
        assert_eq!((ask().await, turns.count(Lane::Check)), (answer, (0, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_may_not_be_asked_any_more_is_ended_and_not_asked_again() {
        let (_silent, pulp, client) = silence().await;
        let (checked, turns) = (CheckedViews::default(), Turns::default());
        let view = pulp.view_check.as_ref().unwrap();
        let ask = async || checked.ask(client.clone(), (&pulp.endpoint, view), &test(), &turns).await;
        assert_eq!(ask().await, Answer::UnderWay);
        checked.give_up(&test().uid);
        let given_up = "the question with checkQuery was given up before its answer came".to_owned();
        assert_eq!(ask().await, Answer::Known(Some(ViewFault::Failed(given_up))));
        assert_eq!(turns.count(Lane::Check), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_turn_a_view_is_not_asked() {
        let (silent, pulp, client) = silence().await;
        let (checked, turns) = (CheckedViews::default(), Turns::default());
        let others = |number| TestFacts { uid: format!("other-{number}"), ..test() };
        let turn = |number| turns.take(&others(number), Lane::Check, Instant::now()).unwrap();
        let held: Vec<Turn> = (0..Lane::Check.places()).map(turn).collect();
        let view = pulp.view_check.as_ref().unwrap();
        let ask = async || checked.ask(client.clone(), (&pulp.endpoint, view), &test(), &turns).await;
        assert_eq!((ask().await, silent.waiting()), (Answer::NotYetAsked, 0));
        drop(held);
        assert_eq!(ask().await, Answer::UnderWay);
    }
}
