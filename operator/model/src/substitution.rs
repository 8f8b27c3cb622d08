//! `$(name)` in a text: the one way in which a value is put into it. `$$(` stands for a `$(` that stays.

/// A name in a text for which there is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no value for $({name}); write $$({name}) for a text that stays as it is")]
pub struct UnknownName {
    /// The name.
    pub name: String,
}

/// The text with each `$(name)` replaced by what `value` gives for the name, asked once for each place. A `$(` without its
/// end stays as it is.
///
/// # Errors
/// The first name for which there is no value.
pub fn substitute(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> Result<String, UnknownName> {
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        done.push_str(before);
        if let Some(after) = from.strip_prefix("$$(") {
            done.push_str("$(");
            rest = after;
        } else if let Some((name, after)) = from.strip_prefix("$(").and_then(|inside| inside.split_once(')'))
        {
            done.push_str(&value(name).ok_or_else(|| UnknownName { name: name.to_owned() })?);
            rest = after;
        } else {
            done.push('$');
            rest = &from[1..];
        }
    }
    done.push_str(rest);
    Ok(done)
}

/// Whether each `$(name)` of a text is one of these names.
///
/// # Errors
/// The first that is none.
pub fn check(text: &str, names: &[&str]) -> Result<(), UnknownName> {
    substitute(text, |name| names.contains(&name).then(String::new)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(text: &str) -> Result<String, UnknownName> {
        let mut number = 0;
        substitute(text, |name| {
            number += 1;
            (name == "n").then(|| number.to_string())
        })
    }

    #[test]
    fn each_place_gets_a_value_of_its_own_and_all_else_stays() {
        for (text, expected) in [
            ("", ""),
            ("a", "a"),
            ("$(n)-$(n)", "1-2"),
            ("$$(n) and $(n)", "$(n) and 1"),
            ("$$$(n)", "$$(n)"),
            ("rate(a[$(n)])", "rate(a[1])"),
            ("costs 5$", "costs 5$"),
            ("$(n", "$(n"),
            ("$n ${n} {n}", "$n ${n} {n}"),
            ("ü$(n)ü", "ü1ü"),
        ] {
            assert_eq!(replaced(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_name_without_a_value_is_told_with_what_to_write() {
        let error = check("$(n) $(window)", &["n"]).unwrap_err();
        let words = "there is no value for $(window); write $$(window) for a text that stays as it is";
        assert_eq!(error.to_string(), words);
        assert_eq!(check("$$(window) $(n)", &["n"]), Ok(()));
    }
}
