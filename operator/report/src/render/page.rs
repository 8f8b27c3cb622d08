//! The report as one page that needs no network: what was measured, and what could be seen meanwhile. Pure.
//!
//! There is no script in it: the drawings are SVG, and what can be opened is HTML's own. All texts are escaped where they
//! are put in, and the page's own policy lets a browser load and run nothing, whatever a server wrote.

mod axis;
mod cell;
mod chart;
mod figure;
mod overview;
mod scale;
mod source;
mod table;
mod traces;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use throughput_crds::Verdict;

use crate::best;
use crate::data::{CellReport, TestReport};
use crate::timeline::Timelines;

const STYLE: &str = include_str!("page/style.css");

/// The page of a test.
pub fn render(report: &TestReport, timelines: &Timelines) -> String {
    let best = best::best(report);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.test) " – throughput test" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#results" { "To the results" }
                header { (head(report)) }
                main {
                    (table::results(report, best))
                    (overview::section(report))
                    section.cells aria-labelledby="cells" {
                        h2 #cells { "Each run on its time base" }
                        (cell::explanation())
                        @for cell in &report.cells {
                            (cell::section(report, cell, timelines.of(cell.cell), best == Some(cell.cell)))
                        }
                    }
                }
                footer { (foot(report)) }
            }
        }
    };
    without_control_characters(&page.into_string())
}

/// Nothing is loaded and nothing is run; of styles only the page's own.
fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

fn head(report: &TestReport) -> Markup {
    let count = |verdict: Verdict| report.cells.iter().filter(|cell| cell.verdict == verdict).count();
    let verdicts = [Verdict::Passed, Verdict::Failed, Verdict::Invalid, Verdict::Aborted];
    let begin = report.cells.iter().filter_map(|cell| cell.timeline.first()).map(|entry| entry.since).min();
    let end = report.cells.iter().map(|cell| cell.finished_at).max();
    html! {
        p.kicker { "Throughput test" }
        h1 { (report.test) }
        p.facts {
            "Namespace " strong { (report.namespace) }
            @if let (Some(begin), Some(end)) = (begin, end) {
                " · " time datetime=(begin) { (table::instant(begin)) } " to " time datetime=(end) { (table::instant(end)) }
            }
        }
        @if let Some(words) = report.words_on_lost_cells() {
            p.facts { strong { (words) } }
        }
        ul.verdicts aria-label="Verdicts" {
            @for verdict in verdicts {
                @if count(verdict) > 0 {
                    li { (table::verdict(verdict)) " " span.count { (count(verdict)) } }
                }
            }
        }
    }
}

fn foot(report: &TestReport) -> Markup {
    html! {
        p {
            "Made by throughput-operator " (report.operator_version) " from report.json (schema version "
            (report.schema_version) ") and timelines.json.gz, beside which this page is kept. Test UID "
            code { (report.test_uid) } "."
        }
        p {
            "Each run's own ConfigMap (" code { (report.test) "-cell-N-attempt-M" }
            ") has all series in full, histograms and documents."
        }
    }
}

/// What a cell is called: its number, from 1, and its parameters.
fn name(cell: &CellReport) -> String {
    let parameters: Vec<String> = cell.parameters.iter().map(ToString::to_string).collect();
    if parameters.is_empty() {
        format!("Run {}", cell.cell + 1)
    } else {
        format!("Run {}: {}", cell.cell + 1, parameters.join(", "))
    }
}

/// The address of a cell within the page.
fn anchor(cell: u32) -> String {
    format!("run-{}", cell + 1)
}

/// Servers' words may have characters that are not to be seen, or that turn the order of letters around.
fn without_control_characters(page: &str) -> String {
    let is_hidden = |character: char| {
        (character.is_control() && character != '\n')
            || matches!(character, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    page.chars().map(|character| if is_hidden(character) { '\u{FFFD}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn page() -> String {
        let (report, timelines) = (0..2).map(fixture::detail).fold(
            (fixture::empty_report(), Timelines::default()),
            |(report, timelines), detail| {
                (report.with(detail.figures.clone()), timelines.with(detail.to_timeline()))
            },
        );
        render(&report, &timelines)
    }

    #[test]
    fn servers_words_are_text_wherever_they_stand() {
        let page = page();
        assert!(page.contains("&lt;script&gt;"), "the fixture has hostile words");
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<img"), "{page}");
    }

    #[test]
    fn characters_that_are_not_to_be_seen_are_marked() {
        assert_eq!(without_control_characters("a\u{0}b\u{202E}c\nd\te"), "a\u{FFFD}b\u{FFFD}c\nd\u{FFFD}e");
    }

    #[test]
    fn the_policy_permits_the_pages_own_style_and_nothing_else() {
        let page = page();
        let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        assert!(
            page.contains(&format!("style-src &#39;sha256-{digest}&#39;"))
                || page.contains(&format!("style-src 'sha256-{digest}'"))
        );
        assert!(
            page.contains(&format!("<style>{STYLE}</style>")),
            "the style is in the page as it was digested"
        );
        assert!(!page.contains("style=\""), "{page}");
    }

    #[test]
    fn every_colour_of_a_drawing_has_another_for_the_dark() {
        for (index, colour) in chart::SERIES.iter().enumerate() {
            let hex = format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
            assert!(STYLE.contains(&format!("[stroke=\"{hex}\"]{{stroke:var(--s{index})")), "{hex}");
            assert!(STYLE.contains(&format!("[fill=\"{hex}\"]{{fill:var(--s{index})")), "{hex}");
        }
    }

    #[test]
    fn a_page_without_cells_is_a_page() {
        assert!(render(&fixture::empty_report(), &Timelines::default()).contains("<h1>small</h1>"));
    }
}
