//! Texts of people and servers. Pure.

/// The longest text that is kept, in characters.
const LONGEST: usize = 300;

/// A text of others, fit to be shown: not too long, in one line.
pub(crate) fn bounded(text: &str) -> String {
    let plain = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    plain.take(LONGEST).collect()
}
