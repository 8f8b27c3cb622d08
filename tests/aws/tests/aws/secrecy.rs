//! Nothing of a Secret is seen anywhere, however much is logged.

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use throughput_aws_tests::{Keys, SECRET_KEY, Setting, TOKEN, minutes_ago, settle, shared};
use throughput_sources::recording::Recording;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps all that is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>, Arc<AtomicU64>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Log {
    fn keep(&self, metadata: &Metadata<'_>, visit: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("{} {}", metadata.level(), metadata.name()));
        visit(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.keep(span.metadata(), |line| span.record(line));
        Id::from_u64(self.1.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.keep(event.metadata(), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn nothing_of_a_secret_is_in_a_shortfall_a_report_or_a_log() {
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    let stand_in = shared();
    let setting = Setting::new("secrecy", stand_in.url(), Keys::OfSecret);
    let refusal =
        json!([{"status": 403, "code": "SignatureDoesNotMatch", "message": "The signature does not match"}]);
    stand_in.script(&setting.key, "DescribeDBInstances", &refusal);
    let window = minutes_ago(10, 5);
    let mut recording = Recording::new("rds", window.start);
    let mut source = setting.source();
    source.begin(&mut recording).await.unwrap();
    settle(source.as_mut(), window, &mut recording).await;
    drop(guard);
    let lines = log.0.lock().unwrap().clone();
    assert!(lines.iter().any(|line| line.contains("GetMetricData")), "the clients' own lines are in it");
    let recorded = serde_json::to_string(&recording).unwrap();
    assert!(recorded.contains("SignatureDoesNotMatch"));
    for secret in [SECRET_KEY, TOKEN] {
        assert!(!recorded.contains(secret));
        assert!(!lines.iter().any(|line| line.contains(secret)));
    }
    // An access key id is no secret, but no business of whoever reads the log either. The clients show it when they are
    // traced.
    assert!(!recorded.contains(&setting.key));
    let mut untraced = lines.iter().filter(|line| !line.starts_with("TRACE") && !line.starts_with("DEBUG"));
    assert_eq!(untraced.find(|line| line.contains(&setting.key)), None);
}
