//! Paths that a test writes.

use serde_json::{Value, json};

use super::{OneSource, spec};
use crate::plan::Plan;
use crate::plan::permissions::Permissions;
use crate::plan::rejection::Rejection;

/// What is planned of a spec with this value at this place, where the schema has not seen it.
fn rejected(pointer: &str, value: Value) -> Option<Rejection> {
    Plan::new("pulp", &spec(pointer, value), &Permissions::default(), &OneSource).err()
}

#[test]
fn a_path_that_could_lead_elsewhere_than_it_says_is_planned_nowhere() {
    const DISPATCH: &str = "/workload/pulpTasks/dispatch";
    let rooted = |root: &str| json!({"apiRoot": root});
    let hidden = [
        "../pulp/api/v3/users/",
        "./a/",
        "a/../b/",
        "a/./b/",
        "a/..",
        "..",
        ".",
        ".a/",
        "a/.b/",
        "a//b/",
        "/a/",
        "a//",
        "%2e%2e/a/",
        "a/%2E%2E/b/",
        "a%2fb/",
        "a/%252e/",
        "a;b/",
        "..;/a/",
        "a\\..\\b/",
        "a?b=c",
        "a#b",
        "a b/",
        "a\n/",
        "a\0/",
        "\u{ff0e}\u{ff0e}/a/",
        "",
    ];
    for path in hidden {
        for (kind, field) in [
            ("testView", "workload.pulpTasks.dispatch.testView.path"),
            ("request", "workload.pulpTasks.dispatch.request.path"),
        ] {
            let refused = rejected(DISPATCH, json!({kind: {"path": path}}));
            assert_eq!(refused, Some(Rejection::Path { field: field.to_owned(), path: path.to_owned() }));
        }
        // As an API root, with a slash at both ends.
        let root = format!("/{path}/");
        let refused = rejected("/targets/0/pulp", rooted(&root));
        assert_eq!(
            refused,
            Some(Rejection::Path { field: "pulp.apiRoot of the target pulp".to_owned(), path: root })
        );
    }
    for root in ["pulp", "/pulp", "pulp/", ""] {
        assert!(rejected("/targets/0/pulp", rooted(root)).is_some(), "{root:?}");
    }
    for path in ["test/tasks/", "a/", "api/v3/file_x-1/3.2~/"] {
        for kind in ["testView", "request"] {
            assert_eq!(rejected(DISPATCH, json!({kind: {"path": path}})), None, "{path}");
        }
    }
    for root in ["/", "/pulp/", "/api/pulp/"] {
        assert_eq!(rejected("/targets/0/pulp", rooted(root)), None, "{root}");
    }
}
