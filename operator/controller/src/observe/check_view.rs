//! The one question to a view that dispatches, before anything is claimed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use throughput_core::kinds::pulp_tasks::PulpTasks;
use throughput_core::kinds::pulp_tasks::observed::ViewFault;
use throughput_model::cell::CellAddress;
use throughput_model::workload::TestView;
use throughput_pulp::PulpClient;

/// What came of the question, by the test's uid. That it was asked is in the status too; this is for looks after which
/// the status could not be written.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckedViews(Arc<Mutex<HashMap<String, Option<ViewFault>>>>);

impl CheckedViews {
    /// What is wrong with the view, asked only if nobody has.
    pub(super) async fn ask(
        &self,
        client: &PulpClient,
        (tasks, view): (&PulpTasks, &TestView),
        test_uid: &str,
    ) -> Option<ViewFault> {
        // Before it is sent: a look that is given up in the middle has asked too.
        let lost = "the look that asked the view was given up before its answer came".to_owned();
        let known = {
            let mut answers = self.lock();
            let known = answers.get(test_uid).cloned();
            answers.entry(test_uid.to_owned()).or_insert(Some(ViewFault::Failed(lost)));
            known
        };
        if let Some(answer) = known {
            return answer;
        }
        let first = CellAddress { test_uid: test_uid.to_owned(), cell: 0, attempt: 1 };
        let answer = match client.ask_test_view(view, first.check_correlation_id()).await {
            Ok(0) => None,
            Ok(_) => Some(ViewFault::Dispatched),
            Err(error) => Some(ViewFault::Failed(format!("{}{}: {error}", tasks.pulp.base_url, view.path))),
        };
        self.lock().insert(test_uid.to_owned(), answer.clone());
        answer
    }

    /// Forgets a test that is over.
    pub(super) fn forget(&self, test_uid: &str) {
        self.lock().remove(test_uid);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Option<ViewFault>>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
