//! The page in a real browser: what it says, how it looks by day, by night and on paper, and what it never does.
#![expect(clippy::unwrap_used, reason = "this is test code: it stops at the first surprise")]

use std::process::Command;

use serde_json::{Value, json};
use thirtyfour::common::print::PrintParameters;
use throughput_page_tests::browser::{Browser, Failure};
use throughput_page_tests::{fixture, table};
use throughput_report::data::TestReport;
use throughput_report::render::page;

const DESKTOP: (u32, u32) = (1_280, 900);

/// Opens the usual page, asks, and closes the browser whatever comes of it.
async fn looking<F>(size: (u32, u32), look: F)
where
    F: AsyncFn(&Browser, &TestReport) -> Result<(), Failure>,
{
    let (report, timelines) = fixture::usual();
    let browser = Browser::open(&page::render(&report, &timelines), size).await.unwrap();
    let outcome = look(&browser, &report).await;
    let log = browser.driver.browser_log().await;
    browser.close().await.unwrap();
    outcome.unwrap();
    // A picture that a server's words asked for, a script, a style: the browser would have said that it refused them.
    let said: Vec<String> = log.unwrap().into_iter().map(|entry| entry.message).collect();
    assert_eq!(said, Vec::<String>::new());
}

/// The media features that a page is shown with.
async fn emulate(browser: &Browser, media: &str, scheme: &str) -> Result<(), Failure> {
    let features = json!({"media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]});
    browser.driver.cdp().send_raw("Emulation.setEmulatedMedia", features).await?;
    Ok(())
}

#[tokio::test]
async fn the_numbers_in_the_table_are_those_of_the_report() {
    looking(DESKTOP, async |browser, report| {
        assert_eq!(table::shown(browser).await?, table::of(report));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn every_figure_of_every_source_is_in_the_page_as_the_report_has_it() {
    looking(DESKTOP, async |browser, report| {
        let shown: Vec<(String, f64)> = browser
            .ask(
                "return [...document.querySelectorAll('table.all tbody tr')].map(row => \
                  [row.querySelector('th').textContent, Number(row.querySelector('td').textContent)])",
            )
            .await?;
        let sources = report.cells.iter().map(|cell| {
            let mut figures: Vec<(String, f64)> = cell
                .sources
                .iter()
                .flat_map(|source| source.figures.iter().map(|(name, value)| (name.clone(), *value)))
                .collect();
            figures.sort_by(|one, other| one.0.cmp(&other.0));
            figures
        });
        let mut shown = shown.into_iter();
        for expected in sources {
            let mut of_cell: Vec<(String, f64)> = shown.by_ref().take(expected.len()).collect();
            of_cell.sort_by(|one, other| one.0.cmp(&other.0));
            assert_eq!(of_cell, expected);
        }
        assert_eq!(shown.next(), None);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn nothing_that_a_server_wrote_is_carried_out() {
    looking(DESKTOP, async |browser, report| {
        let title: String = browser.ask("return document.title").await?;
        assert_eq!(title, format!("{} – throughput test", report.test));
        let foreign: u32 = browser
            .ask("return document.querySelectorAll('script, img, iframe, object, link, [onload], [onerror], [style]').length")
            .await?;
        assert_eq!(foreign, 0);
        let styles: u32 = browser.ask("return document.querySelectorAll('style').length").await?;
        assert_eq!(styles, 1);
        let text: String = browser.ask("return document.body.textContent").await?;
        assert!(text.contains("<script>document.title='owned'</script>"), "the words are there, as text");
        assert!(!text.contains('\u{202E}') && !text.contains('\u{1b}'));
        Ok(())
    })
    .await;
}

/// What a drawing that can be seen is: it has a size, and something in it.
const DRAWINGS: &str = "return [...document.querySelectorAll('.drawing')].map(drawing => { \
    const box = drawing.querySelector('svg').getBoundingClientRect(); \
    return {label: drawing.getAttribute('aria-label'), role: drawing.getAttribute('role'), focus: drawing.tabIndex, \
            right: box.right, width: box.width, height: box.height, marks: drawing.querySelectorAll('polyline, polygon, circle, rect').length, \
            open: !!drawing.checkVisibility({contentVisibilityAuto: true, opacityProperty: true})} })";

#[tokio::test]
async fn each_drawing_of_an_open_run_is_seen_and_each_has_its_words() {
    looking(DESKTOP, async |browser, _| {
        browser
            .ask::<Value>("document.querySelectorAll('details').forEach(one => one.open = true); return null")
            .await?;
        let drawings: Vec<Value> = browser.ask(DRAWINGS).await?;
        assert!(drawings.len() > 6 * 10, "{}", drawings.len());
        for drawing in drawings {
            assert_eq!(
                (&drawing["role"], &drawing["focus"], &drawing["open"]),
                (&json!("img"), &json!(0), &json!(true)),
                "{drawing}"
            );
            assert!(drawing["label"].as_str().unwrap().len() > 20, "{drawing}");
            assert!(
                drawing["height"].as_f64().unwrap() > 10.0 && drawing["marks"].as_u64().unwrap() > 0,
                "{drawing}"
            );
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_page_is_used_with_the_keyboard_alone() {
    looking(DESKTOP, async |browser, _| {
        // A link of the table leads into a run that is closed, and opens it.
        browser.ask::<Value>("document.querySelector('.results a').focus(); return null").await?;
        let link = browser.driver.active_element().await?;
        link.send_keys("\u{E007}").await?;
        let opened: bool =
            browser.ask("return document.querySelector('#run-1').closest('details').open").await?;
        assert!(opened);
        let summary = browser.driver.find(thirtyfour::By::Css("details.cell:not([open]) > summary")).await?;
        browser
            .ask::<Value>("document.querySelector('details.cell:not([open]) > summary').focus(); return null")
            .await?;
        let outline: String =
            browser.ask("return getComputedStyle(document.activeElement).outlineStyle").await?;
        assert_eq!(outline, "solid");
        let before: u32 =
            browser.ask("return document.querySelectorAll('details.cell[open]').length").await?;
        summary.send_keys(" ").await?;
        let after: u32 = browser.ask("return document.querySelectorAll('details.cell[open]').length").await?;
        assert_eq!(after, before + 1);
        Ok(())
    })
    .await;
}

/// The smallest contrast of texts and lines against what is behind them.
const CONTRASTS: &str = "
    const luminance = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const contrast = (one, other) => { const [a, b] = [luminance(one), luminance(other)].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
    const page = getComputedStyle(document.documentElement).backgroundColor;
    const of = (selector, property) => Math.min(...[...document.querySelectorAll(selector)].map(one => contrast(getComputedStyle(one)[property], page)));
    return {page: luminance(page), text: of('h1, h2, p, th, td, code, .verdict', 'color'), drawn: of('.drawing text', 'fill'),
            lines: of('.drawing polyline', 'stroke')};";

#[tokio::test]
async fn light_and_dark_can_both_be_read() {
    looking(DESKTOP, async |browser, _| {
        browser
            .ask::<Value>("document.querySelectorAll('details').forEach(one => one.open = true); return null")
            .await?;
        for (scheme, is_dark) in [("light", false), ("dark", true)] {
            emulate(browser, "screen", scheme).await?;
            let contrasts: Value = browser.ask(CONTRASTS).await?;
            assert_eq!(contrasts["page"].as_f64().unwrap() < 0.2, is_dark, "{scheme}: {contrasts}");
            // Four and a half to one for text, and two to one for lines, which have dashes and names besides.
            assert!(contrasts["text"].as_f64().unwrap() >= 4.5, "{scheme}: {contrasts}");
            assert!(contrasts["drawn"].as_f64().unwrap() >= 4.5, "{scheme}: {contrasts}");
            assert!(contrasts["lines"].as_f64().unwrap() >= 2.0, "{scheme}: {contrasts}");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn on_paper_everything_is_open_light_and_within_the_page() {
    looking(DESKTOP, async |browser, report| {
        emulate(browser, "print", "dark").await?;
        let page: f64 = browser
            .ask(
                &CONTRASTS
                    .replace("return {page", "return luminance(page); ({page")
                    .replace("'stroke')};", "'stroke')});"),
            )
            .await?;
        assert!(page > 0.9, "paper is white");
        let drawings: Vec<Value> = browser.ask(DRAWINGS).await?;
        let width: f64 = browser.ask("return document.documentElement.clientWidth").await?;
        for drawing in &drawings {
            assert_eq!(drawing["open"], true, "{drawing}");
            assert!(drawing["right"].as_f64().unwrap() <= width + 1.0, "{width}: {drawing}");
        }
        let pdf = browser
            .driver
            .print_page(PrintParameters { background: true, ..PrintParameters::default() })
            .await?;
        let text = text_of(&pdf)?;
        let stages = text.matches("Draining").count();
        assert!(stages >= report.cells.len(), "each run's drawings are printed: {stages}");
        assert_eq!(
            text.matches("rds.databaseConnections").count() / report.cells.len(),
            3,
            "each figure is printed"
        );
        Ok(())
    })
    .await;
}

/// The text of a printed page.
fn text_of(pdf: &[u8]) -> Result<String, Failure> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("report.pdf");
    std::fs::write(&file, pdf)?;
    let output = Command::new("pdftotext").arg("-layout").arg(&file).arg("-").output()?;
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn on_a_telephone_only_tables_and_drawings_are_wider_than_the_screen() {
    looking((500, 900), async |browser, _| {
        let (page, window): (u32, u32) = browser
            .ask("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
            .await?;
        assert!(page <= window, "{page} in {window}");
        Ok(())
    })
    .await;
}
