//! Values by name, as generators deliver them: each kind of load has its own names, and the contract stays the same.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::histogram::EncodedHistogram;

/// The most names that a map of them has.
pub const MOST_NAMES: usize = 64;
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 64;

/// Values by name, at most [`MOST_NAMES`]. A name has words of ASCII letters and digits with dots between them, begins
/// with a small letter, and has at most [`LONGEST_NAME`] characters: `requests.sent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Named<V>(BTreeMap<String, V>);

/// Counts by name.
pub type Counts = Named<u64>;

/// Histograms by name.
pub type Histograms = Named<EncodedHistogram>;

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> Named<V> {
    /// These values. What has no proper name is left out, and so is what is too much.
    pub fn of(values: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        let mut named = Self::default();
        for (name, value) in values {
            debug_assert!(is_name(name), "{name}");
            if is_name(name) && (named.0.len() < MOST_NAMES || named.0.contains_key(name)) {
                named.0.insert(name.to_owned(), value);
            }
        }
        named
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.0.get(name)
    }

    /// All names with their values, in the order of the names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, V> {
        self.0.iter()
    }
}

impl<'a, V> IntoIterator for &'a Named<V> {
    type Item = (&'a String, &'a V);
    type IntoIter = btree_map::Iter<'a, String, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Counts {
    /// The count of this name; 0 where there is none.
    pub fn count(&self, name: &str) -> u64 {
        self.get(name).copied().unwrap_or_default()
    }

    /// Adds the counts of another generator. Names beyond [`MOST_NAMES`] are left out.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in other {
            if let Some(sum) = self.0.get_mut(name) {
                *sum = sum.saturating_add(*count);
            } else if self.0.len() < MOST_NAMES {
                self.0.insert(name.clone(), *count);
            }
        }
    }
}

/// `requests.sent 10, tasks.dispatched 1000`
impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, count)) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(formatter, "{comma}{name} {count}")?;
        }
        Ok(())
    }
}

/// Whether a text is a name of a value.
fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .split('.')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Reads one value after the other, and none once a bound is passed.
struct Bounded<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Bounded<V> {
    type Value = Named<V>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "at most {MOST_NAMES} values by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut named = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if !is_name(&name) {
                let words = format!(
                    "not a name of at most {LONGEST_NAME} letters, digits and dots: {:?}",
                    name.chars().take(LONGEST_NAME).collect::<String>()
                );
                return Err(A::Error::custom(words));
            }
            if named.contains_key(&name) {
                return Err(A::Error::custom(format!("{name} stands twice")));
            }
            if named.len() == MOST_NAMES {
                return Err(A::Error::custom(format!("more than {MOST_NAMES} names")));
            }
            let value = map.next_value()?;
            named.insert(name, value);
        }
        Ok(Named(named))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Named<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Bounded(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        serde_json::from_str::<Counts>(text).unwrap_err().to_string()
    }

    #[test]
    fn counts_of_any_name_are_taken_and_added_up() {
        let mut sum: Counts = serde_json::from_str(r#"{"messages.sent": 3, "sessions": 1}"#).unwrap();
        sum.add(&Counts::of([("messages.sent", u64::MAX), ("bytes2.sent", 7)]));
        assert_eq!(sum.to_string(), format!("bytes2.sent 7, messages.sent {}, sessions 1", u64::MAX));
        assert_eq!((sum.count("sessions"), sum.count("nothing")), (1, 0));
    }

    #[test]
    fn a_name_that_is_none_stands_twice_or_is_too_much_is_refused() {
        let long = "x".repeat(LONGEST_NAME + 1);
        for name in ["", "Sent", "sent.", ".sent", "a..b", "a b", "a/b", "1a", "<b>", long.as_str()] {
            let fault = fault(&format!("{{\"{name}\": 1}}"));
            assert!(fault.starts_with("not a name of at most 64 letters, digits and dots: "), "{fault}");
            assert!(fault.len() < 200, "{fault}");
        }
        assert!(fault(r#"{"sent": 1, "sent": 2}"#).starts_with("sent stands twice"));
        let many = |count| (0..count).map(|n| format!("\"n{n}\": 1")).collect::<Vec<_>>().join(",");
        assert!(serde_json::from_str::<Counts>(&format!("{{{}}}", many(64))).is_ok());
        assert!(fault(&format!("{{{}}}", many(65))).starts_with("more than 64 names"));
    }

    #[test]
    fn a_sum_has_no_more_names_than_any_other() {
        let of = |letter: &str| -> Counts {
            let names = (0..MOST_NAMES).map(|n| format!("\"{letter}{n}\": 1")).collect::<Vec<_>>().join(",");
            serde_json::from_str(&format!("{{{names}}}")).unwrap()
        };
        let mut sum = of("a");
        sum.add(&of("b"));
        assert_eq!(sum, of("a"));
    }
}
