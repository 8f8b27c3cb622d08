//! That every reason for which a source can fall short stands in the README, where people look it up.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::path::Path;

use regex::Regex;

/// Where the code gives a reason: to an error, in a match that chooses one, or as a constant.
const REASONS: &str = r#"(?:SourceError::new\(|doubt\(|reason:|=>(?: Some\()?|: &str =)\s*"([A-Z][A-Za-z]+)"|^    "([A-Z][A-Za-z]+)",$"#;

/// Words that stand in such places and are none: AWS's codes and names, and this crate's own steps.
const OTHER_WORDS: [&str; 8] = [
    "AgainAs",
    "CPUUtilization",
    "DBInstanceIdentifier",
    "DatabaseConnections",
    "InvalidParameterValue",
    "Profiled",
    "ThrottlingException",
    "ValidationError",
];

/// The code below a folder, without its tests.
fn code(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| {
        if path.is_dir() {
            return code(&path);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
    });
    texts.collect()
}

#[test]
fn every_reason_stands_in_the_readme() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = code(&folder.join("src")) + &code(&folder.join("../controller/src/sampling"));
    let reasons = Regex::new(&format!("(?m){REASONS}")).unwrap();
    let given: BTreeSet<&str> = reasons
        .captures_iter(&code)
        .filter_map(|found| Some(found.get(1).or_else(|| found.get(2))?.as_str()))
        .filter(|word| !OTHER_WORDS.contains(word))
        .collect();
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let missing: Vec<&&str> = given.iter().filter(|word| !readme.contains(&format!("`{word}`"))).collect();
    assert!(given.len() > 60, "the code is read: {given:?}");
    assert!(
        missing.is_empty(),
        "README.md lacks {missing:?} (or they are no reasons, and belong to OTHER_WORDS)"
    );
}
