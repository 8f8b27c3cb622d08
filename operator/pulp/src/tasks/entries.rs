//! Pages of tasks as they come, with as much of each as is used.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use throughput_model::task::TaskState;

use crate::words::quote;

/// The most that a task may take of a page of references, and of one with all that is read of tasks, in bytes. The latter
/// has room for usual tracebacks, which come with an error whether they are wanted or not.
const REFERENCE_BYTES: usize = 512;
const TASK_BYTES: usize = 4 << 10;
/// A page of few tasks may be this long, in bytes: for a traceback that is not usual.
const FEW_TASKS_BYTES: usize = 1 << 20;
/// The longest path of a resource, in bytes.
const LONGEST_HREF_BYTES: usize = 1024;
/// The longest name of a task, in characters. What is longer is cut.
const LONGEST_NAME: usize = 128;

/// What a page is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Only the number of all tasks, and one reference.
    Count,
    /// References to tasks.
    References,
    /// What is read of tasks.
    Tasks,
}

impl Content {
    /// The longest page of so many tasks, in bytes.
    pub(super) fn largest_page_bytes(self, tasks: usize) -> usize {
        match self {
            Self::Count => crate::exchange::LARGEST_ANSWER_BYTES,
            Self::References => crate::exchange::LARGEST_ANSWER_BYTES + tasks * REFERENCE_BYTES,
            Self::Tasks => (tasks * TASK_BYTES).max(FEW_TASKS_BYTES),
        }
    }
}

/// The path of a resource, not too long.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Href(pub(super) String);

impl TryFrom<String> for Href {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        if path.len() > LONGEST_HREF_BYTES {
            return Err(format!("a path of {} bytes, more than {LONGEST_HREF_BYTES}", path.len()));
        }
        Ok(Self(path))
    }
}

#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) count: u64,
    pub(super) results: Vec<T>,
}

#[derive(Deserialize)]
pub(super) struct TaskReference {
    pub(super) pulp_href: String,
}

#[derive(Deserialize)]
pub(super) struct TaskEntry {
    pub(super) pulp_href: String,
    pub(super) pulp_created: Timestamp,
    #[serde(default)]
    pub(super) unblocked_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) started_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) finished_at: Option<Timestamp>,
    pub(super) state: TaskState,
    #[serde(default)]
    pub(super) error: Option<TaskFailure>,
}

#[derive(Deserialize)]
pub(super) struct CreatingEntry {
    pub(super) pulp_href: String,
    #[serde(default)]
    pub(super) created_resources: Vec<Option<Href>>,
}

#[derive(Deserialize)]
pub(super) struct NamedEntry {
    pub(super) pulp_href: String,
    pub(super) pulp_created: Timestamp,
    pub(super) name: Name,
    #[serde(default)]
    pub(super) logging_cid: Option<String>,
    #[serde(default)]
    pub(super) started_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) finished_at: Option<Timestamp>,
}

/// The name of a task, fit to be quoted.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(super) struct Name(pub(super) String);

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self(quote::<&str>(name.as_bytes(), &[]).chars().take(LONGEST_NAME).collect())
    }
}

/// A task on a page, whatever is read of it.
pub(super) trait Entry: serde::de::DeserializeOwned {
    fn pulp_href(&self) -> &str;
}

impl Entry for TaskEntry {
    fn pulp_href(&self) -> &str {
        &self.pulp_href
    }
}

impl Entry for NamedEntry {
    fn pulp_href(&self) -> &str {
        &self.pulp_href
    }
}

impl Entry for CreatingEntry {
    fn pulp_href(&self) -> &str {
        &self.pulp_href
    }
}

#[derive(Deserialize)]
pub(super) struct TaskFailure {
    #[serde(default, deserialize_with = "quoted")]
    pub(super) description: Option<String>,
}

/// Of a text only what is quoted of it, without ever having all of it a second time.
fn quoted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Quoted;

    impl<'de> Visitor<'de> for Quoted {
        type Value = Option<String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a text or null")
        }

        fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_str(self)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(quote::<&str>(text.as_bytes(), &[])))
        }
    }

    deserializer.deserialize_option(Quoted)
}
