//! What looks like a secret in a line, and is not shown. No more than a precaution.

use regex::Regex;

use crate::mistake::Mistake;

/// The two forms of what looks like a secret.
#[derive(Debug)]
pub(super) struct Masks {
    in_url: Regex,
    named: Regex,
}

impl Masks {
    pub(super) fn new() -> Result<Self, Mistake> {
        let compiled = |expression| Regex::new(expression).map_err(|error| Mistake(error.to_string()));
        Ok(Self {
            in_url: compiled(r"(://[^/\s:@]*:)[^@\s]+@")?,
            named: compiled(
                r#"(?i)((?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|authorization|cookie|identity|session(?:id|key)?|credentials?)["']?(?:\s*[=:]\s*["']?(?:(?:bearer|basic|token)\s+)?|\s+'))[^\s"',;&]+"#,
            )?,
        })
    }

    /// A line without what looks like a secret in it.
    pub(super) fn masked(&self, line: &str) -> String {
        let masked = self.in_url.replace_all(line, "${1}***@");
        self.named.replace_all(&masked, "${1}***").into_owned()
    }
}
