//! Programs that are run to their end, with a deadline: those of the checkout, kubectl and Helm.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// How long a program may take.
const DEADLINE: Duration = Duration::from_mins(3);

/// The root of the checkout.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_owned()
}

/// The folder of the operator's chart.
pub fn chart() -> PathBuf {
    root().join("charts/throughput-operator")
}

/// Runs a program; its output, or its error.
pub async fn output(program: impl Into<PathBuf>, arguments: &[&str], input: &str) -> Result<String, String> {
    finished(Command::new(program.into()).args(arguments), input).await
}

/// Runs `tests/cluster/cluster`.
pub async fn cluster(arguments: &[&str]) -> Result<String, String> {
    output(root().join("tests/cluster/cluster"), arguments, "").await
}

/// Runs `tests/pulp/pulp`.
pub async fn pulp(arguments: &[&str]) -> Result<String, String> {
    output(root().join("tests/pulp/pulp"), arguments, "").await
}

/// Runs kubectl in this namespace of a cluster.
pub async fn kubectl(
    (kubeconfig, namespace): (&Path, &str),
    arguments: &[&str],
    input: &str,
) -> Result<String, String> {
    let mut command = Command::new(of_cluster("kubectl")?);
    command.arg("--kubeconfig").arg(kubeconfig).args(["--namespace", namespace]).args(arguments);
    finished(&mut command, input).await
}

/// Runs Helm in this namespace of a cluster.
pub async fn helm((kubeconfig, namespace): (&Path, &str), arguments: &[&str]) -> Result<String, String> {
    let mut command = helm_alone()?;
    command.arg("--kubeconfig").arg(kubeconfig).args(["--namespace", namespace]).args(arguments);
    finished(&mut command, "").await
}

/// What these templates of the operator's chart yield in this namespace with these values.
pub async fn rendered(
    (release, namespace): (&str, &str),
    templates: &[&str],
    values: &[&str],
) -> Result<String, String> {
    let mut command = helm_alone()?;
    command.args(["template", release]).arg(chart()).args(["--namespace", namespace]);
    command.args(["--set", "image.repository=localhost/a,loadgen.image.repository=localhost/b"]);
    command.args(values.iter().flat_map(|value| ["--set", value]));
    command.args(templates.iter().flat_map(|template| ["--show-only", template]));
    finished(&mut command, "").await
}

/// Helm without the user's own settings, which do not matter here.
fn helm_alone() -> Result<Command, String> {
    let nowhere = std::env::temp_dir().join("throughput-tests-without-helm-home");
    let mut command = Command::new(of_cluster("helm")?);
    command.envs(["HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"].map(|name| (name, &nowhere)));
    Ok(command)
}

/// A program of the local cluster, or in one sentence how to get it.
pub fn of_cluster(program: &str) -> Result<PathBuf, String> {
    static FOLDER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let file = FOLDER.get_or_init(cluster_binaries).clone()?.join(program);
    if file.exists() {
        Ok(file)
    } else {
        Err(format!("{program} is not built yet: `tests/cluster/cluster binaries` makes it"))
    }
}

/// The folder is named after a hash that only the cluster's own scripts compute. They are asked for the name,
/// not told to build: that takes a quarter of an hour, and nobody expects it of a test.
fn cluster_binaries() -> Result<PathBuf, String> {
    let output = std::process::Command::new("bash")
        .arg("-euc")
        .arg(r#"here=$1; source "$here/lib/settings.sh"; source "$here/lib/binaries.sh"; binaries_dir"#)
        .arg("bash")
        .arg(root().join("tests/cluster"))
        .output()
        .map_err(|error| format!("cannot ask tests/cluster for its binaries: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("tests/cluster does not say where its binaries are: {words}"));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// An installed program, or in one sentence how to get it.
pub fn on_path(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrators = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(administrators)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            format!("{program} is not installed: `tests/cluster/cluster up` installs what is missing")
        })
}

async fn finished(command: &mut Command, input: &str) -> Result<String, String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| format!("cannot run {program}: {error}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await.map_err(failed)?;
    }
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output())
        .await
        .map_err(|_| format!("{program} did not end within {DEADLINE:?}"))?
        .map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_is_given_its_input_and_its_output_is_returned() {
        assert_eq!(output("cat", &[], "what is read").await.as_deref(), Ok("what is read"));
    }

    #[tokio::test]
    async fn what_a_program_that_fails_has_said_is_its_error() {
        let failing = output("sh", &["-c", "echo one; echo other >&2; exit 3"], "").await;
        assert_eq!(failing, Err("one\nother\n".to_owned()));
        assert!(output("no-such-program", &[], "").await.unwrap_err().contains("no-such-program"));
    }

    #[test]
    fn the_root_is_that_of_the_checkout() {
        assert!(root().join("Cargo.lock").is_file() && chart().join("Chart.yaml").is_file());
    }
}
