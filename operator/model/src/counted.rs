//! Counts with their nouns, as English writes them: `1 task`, `2 tasks`.
//!
//! What decides is the count as it is printed, so that a figure which is rounded to `1` has the singular too.

use std::fmt::Display;

/// A count with a noun whose plural takes an `s`: `1 task`, `0 tasks`, `200 tasks`.
pub fn counted(count: impl Display, noun: &str) -> String {
    counted_as(count, noun, &format!("{noun}s"))
}

/// A count with a noun, or with words around one, whose plural is given: `1 process`, `2 processes`.
pub fn counted_as(count: impl Display, one: &str, many: &str) -> String {
    let count = count.to_string();
    let noun = agreeing(&count, one, many);
    format!("{count} {noun}")
}

/// The word that goes with a count which is printed elsewhere in the sentence: `was` with 1, else `were`.
pub fn agreeing<'word>(count: impl Display, one: &'word str, many: &'word str) -> &'word str {
    if count.to_string() == "1" { one } else { many }
}

/// How often something happened: `once`, `twice`, `3 times`.
pub fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_the_singular_and_all_other_counts_have_the_plural() {
        assert_eq!(
            [0, 1, 2, 11].map(|count| counted(count, "task")),
            ["0 tasks", "1 task", "2 tasks", "11 tasks"]
        );
    }

    #[test]
    fn an_irregular_plural_is_the_one_that_is_given() {
        assert_eq!(
            [1, 2].map(|count| counted_as(count, "process", "processes")),
            ["1 process", "2 processes"]
        );
    }

    #[test]
    fn a_figure_has_the_number_of_what_is_printed() {
        assert_eq!([0.96, 1.4, 1.0].map(|value| counted(format!("{value:.0}"), "session")), ["1 session"; 3]);
        assert_eq!(counted("1.0", "task"), "1.0 tasks");
    }

    #[test]
    fn a_word_elsewhere_in_the_sentence_agrees_with_the_count() {
        assert_eq!([1_u32, 2].map(|count| agreeing(count, "was", "were")), ["was", "were"]);
    }

    #[test]
    fn how_often_is_said_as_people_say_it() {
        assert_eq!([0, 1, 2, 3].map(times), ["0 times", "once", "twice", "3 times"]);
    }
}
