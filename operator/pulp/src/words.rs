//! What a server said, made fit to be quoted.

use throughput_model::failure::LONGEST_SAMPLE;
use throughput_model::masking::masked;

/// How much of a text is looked at to quote [`LONGEST_SAMPLE`] characters of it, in bytes. The longest secret that
/// begins within those has to be seen whole, or its beginning would be quoted.
pub(crate) const QUOTED_BYTES: usize = 16 * 1024;

/// The beginning of a text: control characters become spaces, spaces are single, secrets become `***`.
pub(crate) fn quote<S: AsRef<str>>(text: &[u8], secrets: &[S]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(QUOTED_BYTES)]);
    let text = masked(&text, secrets);
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_SAMPLE).collect()
}

/// An error and its causes in one line, outermost first, cut like any quoted text.
pub(crate) fn quote_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    quote::<&str>(text.as_bytes(), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsecret(text: &[u8]) -> String {
        quote::<&str>(text, &[])
    }

    #[test]
    fn a_quoted_text_is_one_short_line_without_control_characters() {
        assert_eq!(unsecret(b"<h1>Server\r\n  Error\x1b[31m\0</h1>"), "<h1>Server Error [31m </h1>");
        assert_eq!(unsecret("é".repeat(10_000).as_bytes()).chars().count(), LONGEST_SAMPLE);
        assert_eq!(unsecret(&[0xff, b'a']), "\u{fffd}a");
    }

    #[test]
    fn an_echoed_secret_is_not_quoted() {
        assert_eq!(quote(b"bad password 'hunter2'", &["hunter2", ""]), "bad password '***'");
    }

    #[test]
    fn a_secret_that_is_echoed_in_another_encoding_is_not_quoted() {
        for echo in ["aHVudGVyMg==", "h%75nter2", "&#104;unter2", "68756e74657232"] {
            assert_eq!(quote(echo.as_bytes(), &["hunter2"]).replace("***", "").len() / 4, 0, "{echo}");
        }
    }

    #[test]
    fn of_a_long_echoed_secret_no_part_is_quoted() {
        let secret = "x".repeat(12_000);
        assert_eq!(
            quote(format!("{}{secret}", "a ".repeat(140)).as_bytes(), &[secret]).matches('x').count(),
            0
        );
    }
}
