//! The questions to CloudWatch, in its own two languages.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The most lines that a query of Insights answers with.
pub(crate) const MOST_LINES: i32 = 10_000;
/// The longest filter that `FilterLogEvents` takes.
const LONGEST_FILTER: usize = 1_024;

/// A filter for lines with any of these terms. None, which is for all lines, when there is no term, or when it would be
/// longer than CloudWatch takes.
pub(crate) fn filter(terms: &[&str]) -> Option<String> {
    let quoted: Vec<String> =
        terms.iter().map(|term| format!("?\"{}\"", escaped(term, &['"', '\\']))).collect();
    Some(quoted.join(" ")).filter(|filter| !filter.is_empty() && filter.len() <= LONGEST_FILTER)
}

/// A query for lines with any of these terms, the earliest first.
pub(crate) fn query(terms: &[&str]) -> String {
    let special = ['\\', '.', '+', '*', '?', '(', ')', '|', '[', ']', '{', '}', '^', '$', '/', '"'];
    let escaped: Vec<String> = terms.iter().map(|term| escaped(term, &special)).collect();
    let filter = match escaped.as_slice() {
        [] => String::new(),
        terms => format!(" | filter @message like /{}/", terms.join("|")),
    };
    format!("fields @timestamp, @logStream, @message{filter} | sort @timestamp asc | limit {MOST_LINES}")
}

/// An instant as Insights writes it: `2026-01-31 09:05:07.123`, in UTC.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let civil: DateTime = text.parse().ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn escaped(term: &str, special: &[char]) -> String {
    let mut result = String::with_capacity(term.len());
    for character in term.chars() {
        if special.contains(&character) {
            result.push('\\');
        }
        result.push(character);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_term_is_enough() {
        assert_eq!(filter(&["timed out", r#"say "no""#]).unwrap(), r#"?"timed out" ?"say \"no\"""#);
        assert_eq!(
            query(&["timed out", "a/b (c)"]),
            r"fields @timestamp, @logStream, @message | filter @message like /timed out|a\/b \(c\)/ | sort @timestamp asc | limit 10000"
        );
    }

    #[test]
    fn without_terms_or_with_too_many_every_line_is_asked_for() {
        assert_eq!(filter(&[]), None);
        assert_eq!(filter(&["x".repeat(1_100).as_str()]), None);
        assert_eq!(query(&[]), "fields @timestamp, @logStream, @message | sort @timestamp asc | limit 10000");
    }

    #[test]
    fn instants_of_insights_are_in_utc() {
        assert_eq!(instant("2026-01-31 09:05:07.123").unwrap().to_string(), "2026-01-31T09:05:07.123Z");
        assert_eq!(instant("yesterday"), None);
    }
}
