//! That every reason which the operator can give stands in the chart's README, where people look it up.

use std::collections::BTreeSet;
use std::path::Path;

/// Words in the sources that look like reasons and are something else: what Kubernetes and Pulp call their own
/// things, and parts of names.
const OTHER_WORDS: &[&str] = &[
    "Always",
    "ClowdApp",
    "Complete",
    "Completed",
    "ContainerCreating",
    "Deployment",
    "DisruptionTarget",
    "Error",
    "ExternalName",
    "FailureTarget",
    "FallbackToLogsOnError",
    "False",
    "IfNotPresent",
    "Indexed",
    "Milliseconds",
    "Never",
    "PodInitializing",
    "PodScheduled",
    "Pulp",
    "Reconcile",
    "RuntimeDefault",
    "ScaledObject",
    "StatefulSet",
    "TargetReached",
    "ThroughputTest",
    "True",
    "Unschedulable",
    "Update",
];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The sources of a folder, without their tests, and without the page, whose words are headings.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if ["tests", "fixture", "simulation", "reasons", "page"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = read(&path);
            found.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
        }
    }
}

/// A capital letter, then letters of which one is small.
fn is_reason(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_alphabetic())
        && word.chars().any(|c| c.is_ascii_lowercase())
}

/// The texts between two of these marks on each line, that look like reasons.
fn quoted(text: &str, mark: char) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines
        .flat_map(|line| line.split(mark).skip(1).step_by(2))
        .filter(|word| is_reason(word))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_reason_stands_in_the_charts_readme_and_no_other() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    sources(&crate_folder.join("src"), &mut texts);
    let other: BTreeSet<String> = OTHER_WORDS.iter().map(|word| (*word).to_owned()).collect();
    let given: BTreeSet<String> =
        texts.iter().flat_map(|text| quoted(text, '"')).filter(|word| !other.contains(word)).collect();
    let readme = read(&crate_folder.join("../../charts/throughput-operator/README.md"));
    let (_, table) = readme.split_once("## Troubleshooting by reason").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let told: BTreeSet<String> = rows.flat_map(|cell| quoted(&format!("`{cell}"), '`')).collect();
    // What sources fall short of is told there as well; their words for it are not all reasons.
    let mut of_sources = Vec::new();
    sources(&crate_folder.join("../sources/src"), &mut of_sources);
    let of_sources: BTreeSet<String> = of_sources.iter().flat_map(|text| quoted(text, '"')).collect();
    let missing: Vec<&String> = given.difference(&told).collect();
    let stale: Vec<&String> =
        told.iter().filter(|word| !given.contains(*word) && !of_sources.contains(*word)).collect();
    assert!(given.len() > 40, "the sources are read: {given:?}");
    assert!(
        missing.is_empty() && stale.is_empty(),
        "the table in charts/throughput-operator/README.md lacks {missing:?} (or they are no reasons, and belong to \
         OTHER_WORDS), and has {stale:?}, which nothing gives"
    );
}
