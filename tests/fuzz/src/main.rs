//! `throughput-fuzz TARGET FILE…` calls a target with files. In the build that `make fuzz` makes it is libFuzzer, which calls
//! the target that the variable `THROUGHPUT_FUZZ_TARGET` names with what it makes up.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod libfuzzer {
    use std::sync::OnceLock;

    use throughput_fuzz::{Target, target};

    static CHOSEN: OnceLock<Target> = OnceLock::new();

    fn choose() {
        let name = std::env::var("THROUGHPUT_FUZZ_TARGET").unwrap_or_default();
        let Some(target) = target(&name) else {
            eprintln!("THROUGHPUT_FUZZ_TARGET names no target: {name:?}");
            std::process::exit(2);
        };
        let _ = CHOSEN.set(target);
    }

    libfuzzer_sys::fuzz_target!(init: choose(), |input: &[u8]| {
        if let Some(target) = CHOSEN.get() {
            target(input);
        }
    });
}

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let Some(target) = throughput_fuzz::target(&name) else {
        for (name, _) in throughput_fuzz::TARGETS {
            println!("{name}");
        }
        return std::process::ExitCode::from(u8::from(!name.is_empty()));
    };
    for file in arguments {
        match std::fs::read(&file) {
            Ok(input) => target(&input),
            Err(error) => {
                eprintln!("cannot read {file}: {error}");
                return std::process::ExitCode::FAILURE;
            }
        }
    }
    std::process::ExitCode::SUCCESS
}
