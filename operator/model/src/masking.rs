//! Secrets that a server echoes, in whatever encoding, taken out of a text before it is quoted. Pure.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// In place of a secret.
const MASK: &[u8] = b"***";
/// How much of a secret at the end of a text, where the rest may have been cut off, is a secret.
const SHORTEST_BEGINNING: usize = 4;
/// The shortest secret that is looked for in base64 and in hexadecimal, in bytes: of a shorter one too few letters are
/// the same wherever it stands.
const SHORTEST_RECODED: usize = 6;
/// The longest escape sequence that is known, in bytes: `&#x000027;`.
const LONGEST_ESCAPE: usize = 10;
/// How often a byte may be compared, besides the first of a secret at each place: more takes a text that is made for it.
const MOST_COMPARISONS: usize = 1_000_000;

/// A text without these secrets: each becomes `***`, as it is and percent-encoded, escaped for JSON or HTML, in base64
/// (alone or as part of something longer) and in hexadecimal. So does the beginning of one at the text's end, and all the
/// rest of a text that takes too long.
pub fn masked<S: AsRef<str>>(text: &str, secrets: &[S]) -> String {
    let secrets = secrets.iter().map(AsRef::as_ref).filter(|secret| !secret.is_empty());
    let mut needles: Vec<Vec<u8>> = secrets.flat_map(needles).collect();
    // What is left of a longer one would not be found after a shorter one that is part of it.
    needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
    let (mut text, mut left) = (text.as_bytes().to_vec(), MOST_COMPARISONS);
    for needle in &needles {
        text = without(&text, needle, &mut left);
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The forms in which a secret is looked for, besides those that an escape makes of each.
fn needles(secret: &str) -> Vec<Vec<u8>> {
    let mut needles = vec![secret.as_bytes().to_vec()];
    if secret.len() >= SHORTEST_RECODED {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            needles.extend(
                (0..3).map(|before| within_base64(secret.as_bytes(), before, |all| engine.encode(all))),
            );
        }
        let lower = in_hexadecimal(secret);
        needles.extend([lower.to_ascii_uppercase().into_bytes(), lower.into_bytes()]);
    }
    needles.dedup();
    needles
}

fn in_hexadecimal(text: &str) -> String {
    let digits = text.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// The letters of base64 that are a secret's alone, where so many bytes are before it in the last group of three.
fn within_base64(secret: &[u8], before: usize, encode: impl Fn(&[u8]) -> String) -> Vec<u8> {
    let encoded = encode(&[&vec![0; before], secret].concat()).into_bytes();
    let first = (before * 8).div_ceil(6);
    let end = (before + secret.len()) * 8 / 6;
    encoded[first..end].to_vec()
}

/// The text with a mask in place of each of these.
fn without(text: &[u8], needle: &[u8], left: &mut usize) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut position = 0;
    while position < text.len() {
        // Of most places the first byte says enough.
        if text[position] != needle[0] && !matches!(text[position], b'%' | b'\\' | b'&' | b'+') {
            kept.push(text[position]);
            position += 1;
            continue;
        }
        let found = end_of(text, position, needle, left);
        if *left == 0 {
            kept.extend_from_slice(MASK);
            break;
        }
        if let Some(end) = found {
            kept.extend_from_slice(MASK);
            position = end;
        } else {
            kept.push(text[position]);
            position += 1;
        }
    }
    kept
}

/// Where this ends in the text, if it begins here, some of its bytes escaped or all.
fn end_of(text: &[u8], start: usize, needle: &[u8], left: &mut usize) -> Option<usize> {
    // A `%` may stand for itself or begin an escape: every way is followed, and there are never more than a few.
    let mut ends = vec![start];
    let mut read = 0;
    while read < needle.len() {
        let mut next = Vec::new();
        *left = left.saturating_sub(if read > 0 { ends.len() } else { 0 });
        if *left == 0 {
            return None;
        }
        for end in ends {
            if end == text.len() && read >= SHORTEST_BEGINNING {
                return Some(text.len());
            }
            let steps = steps(&text[end..], needle[read]).into_iter().flatten();
            next.extend(steps.map(|step| end + step));
        }
        next.sort_unstable();
        next.dedup();
        if next.is_empty() {
            return None;
        }
        ends = next;
        read += 1;
    }
    ends.pop()
}

/// How many bytes of the text stand for this one: itself, a plus for a space, or an escape.
fn steps(text: &[u8], byte: u8) -> [Option<usize>; 2] {
    let first = text.first().copied();
    let itself = (first == Some(byte) || (first == Some(b'+') && byte == b' ')).then_some(1);
    [itself, escape(text).filter(|(stands_for, _)| *stands_for == byte).map(|(_, length)| length)]
}

/// The byte that an escape at the beginning of a text stands for, and the escape's length.
fn escape(text: &[u8]) -> Option<(u8, usize)> {
    let text = &text[..text.len().min(LONGEST_ESCAPE)];
    match text {
        [b'%', digits @ ..] => hexadecimal(digits.get(..2)?).map(|byte| (byte, 3)),
        [b'\\', b'x', digits @ ..] => hexadecimal(digits.get(..2)?).map(|byte| (byte, 4)),
        [b'\\', b'u', digits @ ..] => hexadecimal(digits.get(..4)?).map(|byte| (byte, 6)),
        [b'\\', b'n', ..] => Some((b'\n', 2)),
        [b'\\', b'r', ..] => Some((b'\r', 2)),
        [b'\\', b't', ..] => Some((b'\t', 2)),
        [b'\\', itself @ (b'"' | b'\'' | b'\\' | b'/'), ..] => Some((*itself, 2)),
        [b'&', entity @ ..] => {
            let end = entity.iter().position(|byte| *byte == b';')?;
            Some((entity_byte(&entity[..end])?, end + 2))
        }
        _ => None,
    }
}

fn entity_byte(name: &[u8]) -> Option<u8> {
    match name {
        b"amp" => Some(b'&'),
        b"lt" => Some(b'<'),
        b"gt" => Some(b'>'),
        b"quot" => Some(b'"'),
        b"apos" => Some(b'\''),
        [b'#', b'x' | b'X', digits @ ..] => hexadecimal(digits),
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u8::try_from(u32::from_str_radix(text, 16).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2/p&\"s w+d%41";

    fn percent(text: &str, keep: impl Fn(u8) -> bool, upper: bool) -> String {
        let of = |byte: u8| match (keep(byte), upper) {
            (true, _) => char::from(byte).to_string(),
            (false, true) => format!("%{byte:02X}"),
            (false, false) => format!("%{byte:02x}"),
        };
        text.bytes().map(of).collect()
    }

    fn base64(text: &str) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    #[test]
    fn a_secret_is_found_in_every_encoding() {
        let html = SECRET.replace('&', "&amp;").replace('"', "&quot;");
        let escaped = SECRET.bytes().fold(String::new(), |all, byte| all + &format!("\\u{byte:04x}"));
        let hex = in_hexadecimal(SECRET);
        assert!(hex.starts_with("68756e746572322f70"), "{hex}");
        let echoes = [
            SECRET.to_owned(),
            percent(SECRET, |byte| byte.is_ascii_alphanumeric(), true),
            percent(SECRET, |byte| byte.is_ascii_alphanumeric() || byte == b'/', false),
            percent(SECRET, |_| false, true),
            percent(SECRET, |byte| byte.is_ascii_alphanumeric() || byte == b' ', true).replace(' ', "+"),
            serde_json::Value::from(SECRET).to_string().trim_matches('"').to_owned(),
            SECRET.replace('/', "\\/").replace('"', "\\\""),
            escaped,
            html.clone(),
            html.replace("&amp;", "&#38;").replace("&quot;", "&#x22;"),
            hex.clone(),
            hex.to_uppercase(),
            base64(SECRET),
            percent(&base64(SECRET), |byte| byte.is_ascii_alphanumeric(), true),
        ];
        for echo in echoes {
            let told = masked(&format!("no such user: {echo}, sorry"), &[SECRET]);
            let rest = told.strip_prefix("no such user: ***").unwrap_or_else(|| panic!("{echo}: {told}"));
            // Of base64 the last letter, which also belongs to what follows, and its padding may stay.
            assert!(
                rest.len() <= ", sorry".len() + "Q%3D%3D".len() && rest.ends_with(", sorry"),
                "{echo}: {told}"
            );
        }
    }

    #[test]
    fn a_secret_within_something_longer_in_base64_is_found_wherever_it_stands() {
        for before in ["", "a", "ab", "admin:", "user12:"] {
            for after in ["", "!", "@x"] {
                let whole = base64(&format!("{before}{SECRET}{after}"));
                let told = masked(&format!("Basic {whole}."), &[SECRET]);
                assert!(told.contains("***") && told.len() < 30, "{before} {after}: {told}");
            }
        }
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_a_text_that_was_cut_is_not_quoted() {
        assert_eq!(masked("wrong: hunter", &["hunter2"]), "wrong: ***");
        assert_eq!(masked("wrong: %68%75%6e%74", &["hunter2"]), "wrong: ***");
        assert_eq!(masked("wrong: hun", &["hunter2"]), "wrong: hun");
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for text in
            ["", "status 500: 100 % of &amp; \\u0041 stays", "é \u{fffd} 漢字", "hunter1 %zz &#xZ; \\"]
        {
            assert_eq!(masked(text, &["hunter2", ""]), text);
        }
        assert_eq!(masked("wörter: wört, ende", &["wört"]), "***er: ***, ende");
    }

    #[test]
    fn a_text_that_is_made_to_take_long_is_not_quoted_to_its_end() {
        let (text, secret) = ("%25".repeat(5_000), "%".repeat(4_000) + "x");
        let told = masked(&text, &[secret]);
        assert!(told.len() < 1_000 && told.ends_with("***"), "{} bytes", told.len());
    }
}
