//! Texts of people and servers. Pure.

/// The longest text that is kept, in characters.
const LONGEST: usize = 300;

/// Whether a text is no longer than what [`bounded`] leaves.
pub(crate) fn is_bounded(text: &str) -> bool {
    text.chars().nth(LONGEST).is_none()
}

/// Whether a text is the name of an object in Kubernetes, so that it stands for one in the path of a request.
pub(crate) fn is_object_name(text: &str) -> bool {
    let is_plain =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
    text.len() <= 253 && text.split('.').all(|word| !word.is_empty() && word.chars().all(is_plain))
}

/// A text of others, fit to be shown: not too long, in one line.
pub(crate) fn bounded(text: &str) -> String {
    let plain = text.chars().map(|character| if character.is_control() { ' ' } else { character });
    plain.take(LONGEST).collect()
}
