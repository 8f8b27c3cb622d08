//! Statements, made fit to be shown: without what people wrote into them, in one short line.

/// The longest statement that is shown, in characters.
pub(super) const LONGEST_STATEMENT: usize = 200;

/// A statement in one line, its literals replaced by `?`: they may be anything, and differ from one to the next.
pub(super) fn shown(statement: &str) -> String {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let plain = without_literals(&words.join(" "));
    if plain.chars().count() <= LONGEST_STATEMENT {
        return plain;
    }
    let mut short: String = plain.chars().take(LONGEST_STATEMENT - 1).collect();
    short.push('…');
    short
}

fn without_literals(statement: &str) -> String {
    let mut plain = String::with_capacity(statement.len());
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        let continues_word =
            plain.chars().next_back().is_some_and(|last| last.is_alphanumeric() || "_$".contains(last));
        let literal = match first {
            '\'' => quoted(rest, plain.ends_with(['e', 'E'])),
            '$' => dollar_quoted(rest),
            '0'..='9' if !continues_word => number(rest),
            _ => 0,
        };
        if literal == 0 {
            plain.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            plain.push('?');
            rest = &rest[literal..];
        }
    }
    plain
}

/// The length of a text in quotes, to the end where it was cut.
fn quoted(text: &str, has_escapes: bool) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && has_escapes {
            characters.next();
        } else if character == '\'' {
            if characters.peek().is_some_and(|(_, next)| *next == '\'') {
                characters.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The length of `$tag$ … $tag$`, and 0 for a parameter such as `$1`.
fn dollar_quoted(text: &str) -> usize {
    let Some(end) = text[1..].find('$').map(|at| at + 2) else {
        return 0;
    };
    let tag = &text[..end];
    let name = &tag[1..end - 1];
    let is_name = name.chars().all(|character| character.is_alphanumeric() || character == '_');
    if !is_name || name.starts_with(|first: char| first.is_ascii_digit()) {
        return 0;
    }
    text[end..].find(tag).map_or(text.len(), |at| at + 2 * end)
}

/// The length of a number.
fn number(text: &str) -> usize {
    text.find(|character: char| !character.is_ascii_alphanumeric() && character != '.').unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_not_shown() {
        let statements = [
            "SELECT * FROM t1 WHERE a = 'it''s hidden' AND b = 12.5e3\n  AND c = $1",
            r"SELECT E'hid\'den' || 'more'",
            "DO $body$ hidden $1 $body$",
            "SELECT $$hidden",
            "ALTER ROLE pulp PASSWORD 'hid",
            "SELECT pg_advisory_lock(4711), $2::int",
        ]
        .map(shown);
        assert_eq!(
            statements,
            [
                "SELECT * FROM t1 WHERE a = ? AND b = ? AND c = $1",
                "SELECT E? || ?",
                "DO ?",
                "SELECT ?",
                "ALTER ROLE pulp PASSWORD ?",
                "SELECT pg_advisory_lock(?), $2::int"
            ]
        );
    }

    #[test]
    fn a_long_statement_is_cut() {
        assert_eq!(shown(&"é ".repeat(1_000)).chars().count(), LONGEST_STATEMENT);
        assert!(shown(&"é ".repeat(1_000)).ends_with('…'));
    }

    #[test]
    fn any_text_has_a_form_that_can_be_shown() {
        for text in ["", "$", "$$", "'", "''", "$1$", "$é$x$é$", "1", "é1", "'\\", "E'\\"] {
            assert!(shown(text).len() <= text.len() + 1, "{text}");
        }
    }
}
