//! What stands where there is no figure.

/// The text where there is no figure.
pub(crate) const NO_FIGURE: &str = "-";

/// A text, or a dash where there is none.
pub(crate) fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| NO_FIGURE.to_owned())
}
