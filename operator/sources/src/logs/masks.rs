//! Masks for texts that look like secrets. No more than a precaution.

use regex::Regex;

use throughput_core::source_catalog::Mistake;

/// The two forms of texts that look like secrets.
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

    /// The line with `***` in place of texts that look like secrets.
    pub(super) fn masked(&self, line: &str) -> String {
        let masked = self.in_url.replace_all(line, "${1}***@");
        self.named.replace_all(&masked, "${1}***").into_owned()
    }
}
