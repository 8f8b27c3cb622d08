//! Where the programs are that the tests run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs that the tests run.
pub(crate) struct Binaries {
    pub(crate) kube_apiserver: PathBuf,
    pub(crate) helm: PathBuf,
    pub(crate) etcd: PathBuf,
    pub(crate) openssl: PathBuf,
}

/// Finds the programs, or says in one sentence how to get the one that is missing.
pub(crate) fn find() -> Result<Binaries, String> {
    let folder = cluster_binaries()?;
    Ok(Binaries {
        kube_apiserver: of_cluster(&folder, "kube-apiserver")?,
        helm: of_cluster(&folder, "helm")?,
        etcd: on_path("etcd")?,
        openssl: on_path("openssl")?,
    })
}

/// The folder is named after a hash that only the cluster's own scripts compute. They are asked for the name,
/// not told to build: that takes a quarter of an hour, and nobody expects it of a test.
fn cluster_binaries() -> Result<PathBuf, String> {
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("cluster");
    let output = Command::new("bash")
        .arg("-euc")
        .arg(r#"here=$1; source "$here/lib/settings.sh"; source "$here/lib/binaries.sh"; binaries_dir"#)
        .arg("bash")
        .arg(&cluster)
        .output()
        .map_err(|error| format!("cannot ask tests/cluster for its binaries: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("tests/cluster does not say where its binaries are: {words}"));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn of_cluster(folder: &Path, program: &str) -> Result<PathBuf, String> {
    let file = folder.join(program);
    if file.exists() {
        Ok(file)
    } else {
        Err(format!("{program} is not built yet: `tests/cluster/cluster binaries` makes it"))
    }
}

fn on_path(program: &str) -> Result<PathBuf, String> {
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
