//! The script that dispatches in Pulp's own process, as it is, beside the generator, as it is. Only Pulp is not
//! here: a few modules of its names write down what they are called with. The real one is met on the cluster.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use std::{env, fs, process};

use serde_json::{Value, json};
use throughput_loadgen::ending::Ending;
use throughput_loadgen::sidecar::DISPATCH_SCRIPT;
use throughput_model::failure::{FailureClass, Phase};
use throughput_model::generator::StopReason;
use throughput_model::pulp_load::PulpLoad;
use throughput_model::workload::{Dispatch, InProcess};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::collector::{self, CollectorScript, Shared, address};
use crate::life::{run_with, settings};

/// Nothing here takes nearly as long.
const AT_MOST: Duration = Duration::from_mins(1);

/// The modules that stand for Pulp. Calls with `"raise"` among their arguments raise every second time.
const MODULES: [(&str, &str); 8] = [
    ("django/__init__.py", "def setup():\n    pass\n"),
    (
        "django/db.py",
        "class connection:\n    def ensure_connection():\n        pass\n    def close():\n        pass\n",
    ),
    ("django_guid.py", "guid = None\ndef set_guid(value):\n    global guid\n    guid = value\n"),
    ("pulpcore/__init__.py", ""),
    ("pulpcore/plugin/__init__.py", ""),
    ("pulpcore/tasks.py", "def dummy_task():\n    pass\n"),
    ("calls.py", "count = 0\n"),
    (
        "pulpcore/plugin/tasking.py",
        "import json, os, calls, django_guid\n\
         def dispatch(function, **rest):\n\
         \x20   calls.count += 1\n\
         \x20   if 'raise' in rest['args'] and calls.count % 2:\n\
         \x20       raise ValueError('no connection')\n\
         \x20   with open(os.environ['DISPATCHED'], 'a') as file:\n\
         \x20       file.write(json.dumps([function, django_guid.guid, rest]) + '\\n')\n",
    ),
];

/// A folder with a script that runs in it.
struct Sidecar {
    folder: PathBuf,
    script: Child,
}

impl Sidecar {
    fn start(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("throughput-sidecar-{}-{name}", process::id()));
        for (path, text) in MODULES {
            let path = folder.join("modules").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::create_dir_all(folder.join("exchange")).unwrap();
        let script = folder.join("dispatch.py");
        fs::write(&script, DISPATCH_SCRIPT).unwrap();
        let script = Command::new("python3")
            .arg(script)
            .env("PYTHONPATH", folder.join("modules"))
            .env("THROUGHPUT_EXCHANGE", folder.join("exchange"))
            .env("DISPATCHED", folder.join("dispatched"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { folder, script }
    }

    /// What was dispatched: function, correlation id, and all else.
    fn dispatched(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("dispatched")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until the script has ended.
    async fn ended(&mut self) {
        let ended = async {
            while self.script.try_wait().unwrap().is_none() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(AT_MOST, ended).await.unwrap();
    }

    fn output(self) -> Output {
        let output = self.script.wait_with_output().unwrap();
        fs::remove_dir_all(self.folder).unwrap();
        output
    }
}

fn work(function: &str, arguments: &str) -> Dispatch {
    Dispatch::InProcess(InProcess {
        function: function.to_owned(),
        arguments: arguments.to_owned(),
        named_arguments: r#"{"interval": 0.5}"#.to_owned(),
        unique_lock: true,
        exclusive: vec!["/one/".to_owned()],
        shared: Vec::new(),
    })
}

/// A generator beside a script, until the script has ended.
async fn live(
    sidecar: &mut Sidecar,
    script: CollectorScript,
    tasks: u64,
    dispatch: Dispatch,
) -> (Shared, Ending) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    let shared = collector::serve(listener, script);
    let ending = live_with(sidecar, &collector, tasks, dispatch).await;
    (shared, ending)
}

/// The same with a collector at this URL.
async fn live_with(sidecar: &mut Sidecar, collector: &str, tasks: u64, dispatch: Dispatch) -> Ending {
    let mut settings = settings("http://nobody", tasks, dispatch);
    settings.exchange = Some(sidecar.folder.join("exchange"));
    let terminate = CancellationToken::new();
    let scripts_end = async {
        sidecar.ended().await;
        // As the kubelet does with a sidecar.
        terminate.cancel();
    };
    let (ending, ()) = tokio::join!(run_with(collector, &settings, terminate.clone()), scripts_end);
    ending
}

#[tokio::test]
async fn exactly_the_wanted_tasks_are_dispatched_with_their_locks_and_the_correlation_id() {
    let mut sidecar = Sidecar::start("exact");
    let script = CollectorScript { start_in: Duration::from_millis(1_200), ..CollectorScript::default() };
    let dispatch = work("pulpcore.tasks.dummy_task", r#"["a", 1]"#);
    let (shared, ending) = live(&mut sidecar, script, 200, dispatch).await;
    assert_eq!(ending, Ending::Delivered);
    let dispatched = sidecar.dispatched();
    assert_eq!(dispatched.len(), 200);
    let mut locks = Vec::new();
    for task in &dispatched {
        let [function, correlation_id, rest] = task.as_array().unwrap().as_slice() else { unreachable!() };
        assert_eq!(*function, json!("pulpcore.tasks.dummy_task"));
        assert_eq!(*correlation_id, json!(address().correlation_id()));
        assert_eq!((&rest["args"], &rest["kwargs"]), (&json!(["a", 1]), &json!({"interval": 0.5})));
        assert_eq!(
            (&rest["exclusive_resources"][0], &rest["shared_resources"]),
            (&json!("/one/"), &Value::Null)
        );
        locks.push(rest["exclusive_resources"][1].as_str().unwrap().to_owned());
    }
    locks.sort();
    locks.dedup();
    assert_eq!(locks.len(), 200, "each task has a lock of its own");
    let result = shared.lock().unwrap().results[0].clone();
    let load = PulpLoad::of(&result);
    assert_eq!((result.stopped, load.tasks_dispatched), (StopReason::AllTasksDispatched, 200));
    assert_eq!((load.requests.sent, load.requests.latency.count(), load.largest_yield), (200, 200, 1));
    let late = result.start.unwrap().lateness_microseconds;
    assert!(late < 1_000_000, "{late} microseconds late");
    assert!(sidecar.output().status.success());
}

#[tokio::test]
async fn a_call_that_raises_is_counted_and_another_is_made_in_its_place() {
    let mut sidecar = Sidecar::start("raises");
    let dispatch = work("pulpcore.tasks.dummy_task", r#"["raise"]"#);
    let (shared, ending) = live(&mut sidecar, CollectorScript::default(), 10, dispatch).await;
    assert_eq!((ending, sidecar.dispatched().len()), (Ending::Delivered, 10));
    let result = shared.lock().unwrap().results[0].clone();
    let [failures] = result.failures.groups() else { panic!("{:?}", result.failures) };
    assert_eq!(
        (failures.phase, failures.class, failures.count),
        (Phase::AwaitAnswer, FailureClass::Raised, 10)
    );
    assert_eq!(failures.samples, ["ValueError: no connection", "a further exception"][..1]);
    let load = PulpLoad::of(&result);
    assert_eq!((load.tasks_dispatched, load.requests.sent), (10, 20));
    assert!(sidecar.output().status.success());
}

#[tokio::test]
async fn a_script_that_cannot_use_pulp_says_why_and_nothing_is_registered() {
    let mut sidecar = Sidecar::start("unusable");
    let dispatch = work("pulpcore.tasks.no_task", "[]");
    let (shared, ending) = live(&mut sidecar, CollectorScript::default(), 10, dispatch).await;
    assert_eq!(ending, Ending::Terminated);
    assert_eq!(shared.lock().unwrap().registrations, []);
    let output = sidecar.output();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("Pulp cannot be used: AttributeError: ") && said.contains("no_task"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_script_whose_attempt_is_over_ends() {
    let mut sidecar = Sidecar::start("over");
    let script = CollectorScript { register: [410].into(), ..CollectorScript::default() };
    let (_, ending) = live(&mut sidecar, script, 10, work("pulpcore.tasks.dummy_task", "[]")).await;
    assert_eq!((ending, sidecar.dispatched()), (Ending::AttemptOver, Vec::new()));
    let said = String::from_utf8(sidecar.output().stderr).unwrap();
    assert_eq!(said.trim(), "the load generator gave up: the attempt is over");
}

#[tokio::test]
async fn a_script_whose_generator_cannot_call_anybody_ends() {
    let mut sidecar = Sidecar::start("nobody");
    let ending = live_with(&mut sidecar, "ftp://operator", 10, work("pulpcore.tasks.dummy_task", "[]")).await;
    let Ending::Failed(failure) = ending else { panic!("{ending}") };
    let said = String::from_utf8(sidecar.output().stderr).unwrap();
    assert_eq!(said.trim(), format!("the load generator gave up: {failure}"));
    assert!(said.contains("cannot call the collector at ftp://operator"), "{said}");
}
