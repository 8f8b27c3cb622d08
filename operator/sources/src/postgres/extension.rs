//! `pg_stat_statements`: where it is installed, and which version.

use serde::Deserialize;

/// The name of the extension, and of the fact that says its version.
pub(super) const NAME: &str = "pg_stat_statements";

/// An installed extension.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Extension {
    /// Its schema, quoted where it has to be.
    pub(super) schema: String,
    /// Its version, as the server tells it: `1.11`.
    pub(super) version: String,
}

impl Extension {
    /// Whether it is at least of this version.
    pub(super) fn is_at_least(&self, major: u32, minor: u32) -> bool {
        let mut numbers = self.version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (major, minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let extension =
            |version: &str| Extension { schema: "public".to_owned(), version: version.to_owned() };
        assert!(extension("1.10").is_at_least(1, 9));
        assert!(!extension("1.7").is_at_least(1, 8));
        assert!(!extension("strange").is_at_least(1, 8));
    }
}
