//! Prints the `CustomResourceDefinition` of the API as YAML.

use std::process::ExitCode;

fn main() -> ExitCode {
    match throughput_crds::crd_yaml() {
        Ok(yaml) => {
            print!("{yaml}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("the CustomResourceDefinition cannot be written as YAML: {error}");
            ExitCode::FAILURE
        }
    }
}
