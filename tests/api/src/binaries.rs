//! Where the programs are that the tests run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs that the tests run.
pub(crate) struct Binaries {
    pub(crate) kube_apiserver: PathBuf,
    pub(crate) etcd: PathBuf,
    pub(crate) openssl: PathBuf,
}

/// Finds the programs, or says in one sentence how to get the one that is missing.
pub(crate) fn find() -> Result<Binaries, String> {
    Ok(Binaries { kube_apiserver: kube_apiserver()?, etcd: on_path("etcd")?, openssl: on_path("openssl")? })
}

/// The folder is named after a hash that only the cluster's own scripts compute. They are asked for the name,
/// not told to build: that takes a quarter of an hour, and nobody expects it of a test.
fn kube_apiserver() -> Result<PathBuf, String> {
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("cluster");
    let output = Command::new("bash")
        .arg("-euc")
        .arg(r#"here=$1; source "$here/lib/settings.sh"; source "$here/lib/binaries.sh"; binaries_dir"#)
        .arg("bash")
        .arg(&cluster)
        .output()
        .map_err(|error| format!("cannot ask tests/cluster for its binaries: {error}"))?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let program = Path::new(&folder).join("kube-apiserver");
    if folder.is_empty() || !program.exists() {
        return Err("kube-apiserver is not built yet: `tests/cluster/cluster binaries` makes it".to_owned());
    }
    Ok(program)
}

fn on_path(program: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrators = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path)
        .chain(administrators)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| format!("{program} is not installed: `tests/cluster/cluster bin target/cluster-bin` installs etcd, and openssl comes with the distribution"))
}
