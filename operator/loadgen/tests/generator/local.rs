//! The program as it is typed, without an operator: an assignment from a file, the result in a file or printed.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, process};

use throughput_model::generator::{GeneratorResult, StopReason};
use throughput_model::pulp_load::{PulpLoad, tasks_dispatched};
use throughput_model::workload::Dispatch;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::life::{settings, test_view};
use crate::target::Target;

/// Nothing here takes nearly as long.
const AT_MOST: Duration = Duration::from_mins(1);

/// A folder with the files that a run is given; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, base_url: &str, tasks: u64, dispatch: Dispatch) -> Self {
        let folder = env::temp_dir().join(format!("throughput-local-{}-{name}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let assignment = settings(base_url, tasks, dispatch).assignment;
        fs::write(folder.join("assignment.json"), serde_json::to_vec(&assignment).unwrap()).unwrap();
        fs::write(folder.join("username"), "admin").unwrap();
        fs::write(folder.join("password"), "secret").unwrap();
        Self(folder)
    }

    fn result(&self) -> PathBuf {
        self.0.join("result.json")
    }

    /// Starts the program, with nothing of this process's environment.
    fn start(&self, result: Option<&Path>) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughput-loadgen"));
        command
            .env_clear()
            .arg("local")
            .arg("--assignment")
            .arg(self.0.join("assignment.json"))
            .arg("--credentials")
            .arg(&self.0)
            .arg("--give-up-after=0");
        if let Some(path) = result {
            command.arg("--result").arg(path);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
    }

    async fn run(&self, result: Option<&Path>) -> Output {
        output(self.start(result)).await
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

async fn output(child: Child) -> Output {
    timeout(AT_MOST, child.wait_with_output()).await.unwrap().unwrap()
}

fn log(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn an_assignment_is_carried_out_without_an_operator_and_its_result_is_in_the_file() {
    let target = Arc::new(Target { takes: Duration::from_millis(150), ..Target::default() });
    let folder = Folder::new("file", &target.serve().await, 4_000, test_view(100));
    fs::write(folder.result(), "of a run before").unwrap();
    let output = folder.run(Some(&folder.result())).await;
    assert!(output.status.success(), "{}", log(&output));
    assert_eq!(output.stdout, b"");
    let result: GeneratorResult = serde_json::from_slice(&fs::read(folder.result()).unwrap()).unwrap();
    assert_eq!((result.stopped, tasks_dispatched(&result)), (StopReason::AllTasksDispatched, 4_000));
    let load = PulpLoad::of(&result);
    assert_eq!((load.requests.sent, load.requests.latency.count()), (40, 40));
    assert!(result.start.is_some() && result.work.is_some(), "{result:?}");
    assert!(!folder.0.join("result.json.part").exists());
    let seen = target.seen.lock().unwrap();
    assert_eq!((seen.logins, seen.bodies.len()), (1, 40));
    // Forty requests of four users take one and a half seconds at least, and after the first one progress is told.
    assert!(log(&output).contains("progress"), "{}", log(&output));
}

#[tokio::test]
async fn without_a_file_the_result_alone_is_on_standard_output() {
    let target = Arc::new(Target::default());
    let folder = Folder::new("output", &target.serve().await, 8, test_view(1));
    let output = folder.run(None).await;
    let result: GeneratorResult = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((tasks_dispatched(&result), result.pod_name.as_str()), (8, "local"));
    assert!(log(&output).contains("the result is delivered"), "{}", log(&output));
}

#[tokio::test]
async fn an_interrupted_run_writes_what_it_has() {
    let target = Arc::new(Target { takes: Duration::from_millis(200), ..Target::default() });
    let folder = Folder::new("interrupted", &target.serve().await, 100_000, test_view(1));
    let running = folder.start(None);
    // One wake-up is the login's.
    for _ in 0..3 {
        timeout(AT_MOST, target.request.notified()).await.unwrap();
    }
    let interrupt = Command::new("kill").arg("-INT").arg(running.id().unwrap().to_string()).status().await;
    assert!(interrupt.unwrap().success());
    let output = output(running).await;
    assert!(output.status.success(), "{}", log(&output));
    let result: GeneratorResult = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result.stopped, StopReason::Terminated);
    assert_eq!(tasks_dispatched(&result), target.seen.lock().unwrap().bodies.len() as u64);
}

#[tokio::test]
async fn a_result_that_could_not_be_written_is_found_before_anything_is_sent() {
    let target = Arc::new(Target::default());
    let folder = Folder::new("unwritable", &target.serve().await, 8, test_view(1));
    for path in [folder.0.join("missing/result.json"), folder.0.clone()] {
        let output = folder.run(Some(&path)).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(log(&output).contains("cannot write the result: "), "{}", log(&output));
    }
    assert_eq!(target.seen.lock().unwrap().logins, 0);
}

#[tokio::test]
async fn a_target_that_is_not_there_is_a_failure() {
    let folder = Folder::new("nobody", "http://127.0.0.1:1", 8, test_view(1));
    let output = folder.run(Some(&folder.result())).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(log(&output).contains("the login failed: "), "{}", log(&output));
    assert!(!folder.result().exists());
}

#[cfg(feature = "example-kind")]
#[tokio::test]
async fn another_kind_of_load_is_carried_out_by_the_same_program() {
    use throughput_model::holding::{COUNTED, Holding};
    use throughput_model::workload::{Assignment, Workload};

    let folder = Folder::new("holding", "http://127.0.0.1:1", 1, test_view(1));
    let assignment = settings("http://127.0.0.1:1", 1, test_view(1)).assignment;
    let assignment = Assignment { workload: Workload::Holding(Holding { seconds: 1 }), ..assignment };
    fs::write(folder.0.join("assignment.json"), serde_json::to_vec(&assignment).unwrap()).unwrap();
    let output = folder.run(Some(&folder.result())).await;
    assert!(output.status.success(), "{}", log(&output));
    let result: GeneratorResult = serde_json::from_slice(&fs::read(folder.result()).unwrap()).unwrap();
    assert_eq!((result.counts.count(COUNTED), result.stopped), (1, StopReason::AllTasksDispatched));
}
