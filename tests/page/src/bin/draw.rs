//! Writes the page of a run that did not take place, to be looked at: `draw usual report.html`, or `draw largest …`.

use std::error::Error;
use std::time::Instant;

use throughput_page_tests::fixture;
use throughput_report::render::page;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [which, file] = &arguments[..] else {
        return Err("draw usual|largest FILE".into());
    };
    let (report, timelines) = if which == "largest" { fixture::largest() } else { fixture::usual() };
    let begin = Instant::now();
    let page = page::render(&report, &timelines);
    println!("{} bytes, drawn in {} ms", page.len(), begin.elapsed().as_millis());
    std::fs::write(file, page)?;
    Ok(())
}
