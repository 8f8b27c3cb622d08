//! What CloudWatch's Insights answers as text, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use super::question::{instant, query};

/// Instants, one a line, each also as a term of a query.
pub fn instants(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for line in text.lines().take(16) {
        if let Some(at) = instant(line) {
            assert_eq!(at.to_string().parse().ok(), Some(at));
        }
        assert!(query(&[line]).len() <= 200 + 2 * line.len());
    }
}
