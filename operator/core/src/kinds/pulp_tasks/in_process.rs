//! Tasks that are dispatched in Pulp's own process: what is checked of it before anything is done.

use serde_json::Value;
use throughput_crds::{InProcessDispatch, Locks};
use throughput_model::workload::InProcess;

use crate::plan::matrix::Cell;
use crate::plan::permissions::{NotPermitted, Permissions};
use crate::plan::rejection::Rejection;

/// The folder that the script and the load generator share.
pub const EXCHANGE_FOLDER: &str = "/run/throughput";
/// The folder of the script.
pub const SCRIPT_FOLDER: &str = "/throughput";
/// The variable that tells the script its folder.
pub const EXCHANGE_VARIABLE: &str = "THROUGHPUT_EXCHANGE";

/// What the script is to dispatch, if it can be and the administrator permits its image.
pub fn work(
    dispatch: &InProcessDispatch,
    cells: &[Cell],
    permissions: &Permissions,
) -> Result<InProcess, Rejection> {
    let InProcessDispatch {
        image,
        image_pull_policy: _,
        run_as_user: _,
        command: _,
        function,
        args,
        kwargs,
        locks: Locks { unique, exclusive, shared },
        env,
        env_from: _,
        mounts,
    } = dispatch;
    if !permissions.permits_image(image) {
        return Err(NotPermitted { what: "image", wanted: image.clone(), value: "allow.images" }.into());
    }
    let not = |what: &str| Err(Rejection::InProcess(what.to_owned()));
    if !matches!(serde_json::from_str(args), Ok(Value::Array(_))) {
        return not(
            "inProcess.args is not a JSON array: write the arguments as text, such as '[\"text\", 1]'",
        );
    }
    if !matches!(serde_json::from_str(kwargs), Ok(Value::Object(_))) {
        return not("inProcess.kwargs is not a JSON object: write them as text, such as '{\"interval\": 1}'");
    }
    if cells.iter().any(|cell| cell.concurrency != cell.generators) {
        return not(
            "a script in Pulp's process makes one call after the other: leave load.concurrency out and vary load.generators",
        );
    }
    let names: Vec<&str> = env.iter().map(|variable| variable.name.as_str()).collect();
    if let Some(twice) = repeated(&names, &[EXCHANGE_VARIABLE]) {
        return Err(Rejection::InProcess(format!(
            "the variable {twice} stands twice in inProcess.env, or is the load generator's own: leave one out"
        )));
    }
    let paths: Vec<&str> = mounts.iter().map(|mount| mount.path.as_str()).collect();
    if let Some(twice) = repeated(&paths, &[EXCHANGE_FOLDER, SCRIPT_FOLDER]) {
        return Err(Rejection::InProcess(format!(
            "the path {twice} stands twice in inProcess.mounts, or is the load generator's own: mount it elsewhere"
        )));
    }
    Ok(InProcess {
        function: function.clone(),
        arguments: args.clone(),
        named_arguments: kwargs.clone(),
        unique_lock: *unique,
        exclusive: exclusive.clone(),
        shared: shared.clone(),
    })
}

/// The first name that stands twice, or is one of those that are taken.
fn repeated<'a>(names: &[&'a str], taken: &[&str]) -> Option<&'a str> {
    let mut numbered = names.iter().enumerate();
    let found = numbered.find(|(position, name)| taken.contains(name) || names[..*position].contains(name));
    found.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cell(concurrency: u32) -> Cell {
        Cell {
            index: 0,
            repeat: 1,
            parameters: Vec::new(),
            replicas: [].into(),
            concurrency,
            generators: 1,
            target: 0,
        }
    }

    /// A dispatch with one field changed.
    fn dispatch(field: &str, value: Value) -> InProcessDispatch {
        let mut dispatch =
            json!({"image": "localhost/pulp:1", "function": "pulpcore.app.tasks.test.dummy_task"});
        dispatch[field] = value;
        serde_json::from_value(dispatch).unwrap()
    }

    fn permitted() -> Permissions {
        Permissions::new(&[], &["localhost/pulp:1".to_owned()])
    }

    #[test]
    fn the_shortest_dispatch_has_a_lock_of_its_own_for_each_task() {
        let work = work(&dispatch("args", json!("[]")), &[cell(1)], &permitted()).unwrap();
        let expected = InProcess {
            function: "pulpcore.app.tasks.test.dummy_task".to_owned(),
            arguments: "[]".to_owned(),
            named_arguments: "{}".to_owned(),
            unique_lock: true,
            exclusive: Vec::new(),
            shared: Vec::new(),
        };
        assert_eq!(work, expected);
    }

    #[test]
    fn several_variables_and_mounts_are_no_mistake() {
        let variables = json!(["A", "B", "C", "D"].map(|name| json!({"name": name, "value": "x"})));
        let mounts = json!(["/a", "/b", "/c", "/d"].map(|path| json!({"path": path, "empty": {}})));
        for (field, value) in [("env", variables), ("mounts", mounts)] {
            let work = work(&dispatch(field, value), &[cell(1)], &permitted());
            assert!(work.is_ok(), "{field}: {work:?}");
        }
    }

    #[test]
    fn an_image_that_is_not_permitted_is_refused_with_what_the_administrator_would_set() {
        let rejection = work(&dispatch("image", json!("evil")), &[cell(1)], &permitted()).unwrap_err();
        assert_eq!(rejection.reason(), "NotPermitted");
        assert!(rejection.to_string().contains("allow.images={evil}"), "{rejection}");
    }

    #[test]
    fn each_mistake_is_answered_with_what_to_write() {
        let empty = |path: &str| json!({"path": path, "empty": {}});
        let variable = |name: &str| json!({"name": name, "value": "x"});
        let cases = [
            ("args", json!("{}"), "inProcess.args is not a JSON array"),
            ("args", json!("[1"), "inProcess.args is not a JSON array"),
            ("kwargs", json!("[]"), "inProcess.kwargs is not a JSON object"),
            ("env", json!([variable("A"), variable("B"), variable("A")]), "the variable A stands twice"),
            (
                "env",
                json!([variable("THROUGHPUT_EXCHANGE")]),
                "the variable THROUGHPUT_EXCHANGE stands twice",
            ),
            ("mounts", json!([empty("/tmp"), empty("/tmp")]), "the path /tmp stands twice"),
            ("mounts", json!([empty("/run/throughput")]), "the path /run/throughput stands twice"),
        ];
        for (field, value, words) in cases {
            let rejection = work(&dispatch(field, value.clone()), &[cell(1)], &permitted()).unwrap_err();
            assert_eq!(rejection.reason(), "InProcessNotPossible");
            assert!(rejection.to_string().starts_with(words), "{field} {value}: {rejection}");
        }
        let several = work(&dispatch("args", json!("[]")), &[cell(1), cell(2)], &permitted()).unwrap_err();
        assert!(several.to_string().ends_with("vary load.generators"), "{several}");
    }
}
