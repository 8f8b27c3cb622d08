//! Views made for tests, which dispatch tasks by themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use throughput_model::workload::{Method, TestView};
use uuid::Uuid;

use crate::client::{PulpClient, Request};
use crate::error::PulpError;

impl PulpClient {
    /// Asks a view that dispatches tasks, and reads how many it says there were. They carry this `Correlation-ID`.
    ///
    /// # Errors
    /// Pulp could not be reached or refused, or its answer has no count in the view's field.
    pub async fn ask_test_view(&self, view: &TestView, correlation_id: Uuid) -> Result<u64, PulpError> {
        let TestView { path, query, count_field, tasks_per_request: _, request_timeout_milliseconds } = view;
        let query: Vec<(&str, &str)> =
            query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let request = Request {
            query: &query,
            correlation_id: Some(correlation_id),
            timeout: Some(Duration::from_millis(*request_timeout_milliseconds)),
            ..Request::new(Method::Get, path)
        };
        let answer = self.send(&request).await?;
        let fields: Option<BTreeMap<String, Value>> = answer.json().ok();
        // Whether the field is missing or something else is not told either.
        fields.as_ref().and_then(|fields| fields.get(count_field)).and_then(Value::as_u64).ok_or_else(|| {
            PulpError::UnexpectedAnswer(format!(
                "status {}, without a count in the field {count_field}",
                answer.status
            ))
        })
    }
}
