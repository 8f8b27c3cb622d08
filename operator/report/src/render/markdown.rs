//! The table that the plan's readers know, in Markdown.

use throughput_model::source_report;

use crate::columns::{Align, Column, NO_FIGURE, Table};
use crate::data::{CellReport, TestReport};
use crate::rows::Row;

/// The table, one row a cell; where cells are repeated, a second one with a row for each combination.
pub fn render(report: &TestReport) -> String {
    let facts = report.facts();
    let columns = || facts.columns_of(Table::Markdown);
    let mut text = head(columns().map(|column| (column.title, column.align)));
    for cell in &report.cells {
        let of_cell = Row::of(cell, &report.workers_axis);
        text.push_str(&row(columns().map(|column| self::text(column, &of_cell))));
    }
    if !report.repeats.is_empty() {
        text.push('\n');
        text.push_str(&head(facts.repeat_columns.iter().map(|column| (column.title, column.align))));
        for repeats in &report.repeats {
            text.push_str(&row(facts.repeat_columns.iter().map(|column| column.text(facts, repeats))));
        }
    }
    for cell in &report.cells {
        for told in cell.load.kind().tables() {
            text.push_str(&table(cell.cell, &told));
        }
    }
    if let Some(words) = report.words_on_lost_cells() {
        text.extend(["\n", &escaped(&words), "\n"]);
    }
    text
}

/// A table of a cell under its title, its first column of words and the others of numbers.
fn table(cell: u32, table: &source_report::Table) -> String {
    let title = escaped(&table.title);
    let aligned = table
        .columns
        .iter()
        .enumerate()
        .map(|(number, column)| (column.as_str(), if number == 0 { Align::Left } else { Align::Right }));
    let rows: String = table.rows.iter().map(|texts| row(texts.iter().cloned())).collect();
    format!("\nRun {}: {title}\n\n{}{rows}", cell + 1, head(aligned))
}

fn head<'a>(columns: impl Iterator<Item = (&'a str, Align)>) -> String {
    let (titles, rules): (Vec<&str>, Vec<&str>) = columns
        .map(|(title, align)| match align {
            Align::Left => (title, "---"),
            Align::Right => (title, "---:"),
        })
        .unzip();
    format!("| {} |\n| {} |\n", titles.join(" | "), rules.join(" | "))
}

fn row(texts: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", texts.map(|text| escaped(&text)).collect::<Vec<_>>().join(" | "))
}

fn text(column: &Column, row: &Row<'_>) -> String {
    let text = row.text(column.value, observations);
    text.map_or_else(|| NO_FIGURE.to_owned(), |text| format!("{text}{}", column.suffix()))
}

/// The verdict when it is not Passed, then what was seen.
fn observations(cell: &CellReport) -> String {
    let mut sentences = Vec::new();
    if let Some(message) = &cell.message {
        sentences.push(format!("{:?}: {message}", cell.verdict));
    }
    sentences.extend(cell.observations.iter().cloned());
    if sentences.is_empty() { NO_FIGURE.to_owned() } else { sentences.join("; ") }
}

/// A text that stays within its column and is nothing but text, whatever a server wrote into it: no HTML, no link, no
/// image, and no address of which a reader's program makes a link.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '|' | '`' | '[' | ']' | '*' | '~' => escaped.extend(['\\', character]),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            // Addresses of mail become links whichever way the sign is escaped: a joiner without any width divides them.
            '@' => escaped.extend(['@', '\u{2060}']),
            _ if character.is_control() => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    // Of these many programs make links without being asked to.
    escaped.replace("://", ":&#47;&#47;").replace("www.", "www&#46;").replace("WWW.", "WWW&#46;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    const HEAD: &str = "\
| Run | Pulp-Workers | Requests | Tasks Submitted | Tasks/Sec Processed | Avg. Wait | Observations |
| ---: | ---: | ---: | ---: | ---: | ---: | --- |
";

    const REPEATS_HEAD: &str = "
| Parameters | Repeats | Median Tasks/Sec | Smallest | Largest | Spread / Median |
| --- | ---: | ---: | ---: | ---: | ---: |
";

    #[test]
    fn cells_of_which_nothing_was_kept_are_told() {
        let report = TestReport { lost_cells: vec![0, 2], ..fixture::report() };
        let told = "\nNot in here: run 1, 3, whose ConfigMaps were deleted or changed. What is left of it is in the test's status.\n";
        assert!(render(&report).ends_with(told), "{}", render(&report));
    }

    #[test]
    fn each_cell_is_a_row_and_what_is_missing_is_a_dash() {
        let expected = format!(
            "{HEAD}\
             | 1 (concurrency 4) | 2 | 4 | 200 | 18.437 | 4.123 s | 1 task failed: \"a \\| b\" |\n\
             | 2 (concurrency 4) | 4 | - | 0 | - | - | Failed: 3 of 4 workers online |\n"
        );
        assert_eq!(render(&fixture::report()), expected);
    }

    #[test]
    fn tasks_of_others_are_named_in_a_table_of_their_run() {
        let mut report = fixture::report();
        fixture::tasks_of(&mut report.cells[0]).foreign_work = Some(fixture::foreign_work());
        let rendered = render(&report);
        let (_, table) = rendered.split_once("\n\n").unwrap();
        let (first, last) = (
            "| &lt;b>0&lt;/b>\\|domain_metrics.count | 1 | 4.000 | 0.100 |\n",
            "| others | 4 | 0.000 | 0.000 |\n",
        );
        let head = "Run 1: Tasks that are not of this run\n\n\
                    | name | tasks | worker time in s | share in % |\n| --- | ---: | ---: | ---: |\n";
        assert!(table.starts_with(&format!("{head}{first}")), "{table}");
        assert!(table.ends_with(last), "{table}");
        assert_eq!(table.lines().count(), 4 + 11);
    }

    #[test]
    fn a_servers_words_are_text_and_nothing_else() {
        for (words, expected) in [
            ("![](https://evil.example/x.png)", r"!\[\](https:&#47;&#47;evil.example/x.png)"),
            ("[log in](//evil.example)", r"\[log in\](//evil.example)"),
            ("<img src=x>", "&lt;img src=x>"),
            ("&lt;script&gt;", "&amp;lt;script&amp;gt;"),
            ("<https://evil.example>", "&lt;https:&#47;&#47;evil.example>"),
            ("see www.evil.example", "see www&#46;evil.example"),
            ("ask root@evil.example", "ask root@\u{2060}evil.example"),
            (r"a\`b` | c", r"a\\\`b\` \| c"),
            ("**bold** ~~gone~~", r"\*\*bold\*\* \~\~gone\~\~"),
            ("a\r\n\tb\u{1b}[31m", r"a   b \[31m"),
            ("task tasks_executed failed: -1.5 s (2 of 3)", "task tasks_executed failed: -1.5 s (2 of 3)"),
        ] {
            assert_eq!(escaped(words), expected);
        }
    }

    #[test]
    fn repeats_are_a_second_table() {
        let rendered = render(&fixture::repeated_report());
        let (_, repeats) = rendered.split_once("\n\n").unwrap();
        let row = "| workers 2, concurrency 4 | 2 | 18.719 | 18.437 | 19.000 | 0.030 |\n";
        assert_eq!(repeats, format!("{}{row}", &REPEATS_HEAD[1..]));
    }
}
