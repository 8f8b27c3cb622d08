//! As whom a process runs, as the kernel tells everybody who sees it.

use throughput_model::profiler::{Identity, Parties};

/// The first process of the target: the containers share their processes, and this is how it sees itself.
const TARGET: &str = "1";
const YAMA: &str = "/proc/sys/kernel/yama/ptrace_scope";

/// Who looks at whom.
pub fn parties() -> std::io::Result<Parties> {
    let profiler =
        identity_of("self").ok_or_else(|| std::io::Error::other("/proc/self/status is not readable"))?;
    let yama_scope = std::fs::read_to_string(YAMA).ok().and_then(|text| text.trim().parse().ok());
    Ok(Parties { target: identity_of(TARGET), profiler, yama_scope })
}

fn identity_of(process: &str) -> Option<Identity> {
    parse(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// Reads what `/proc/PID/status` says. Of the four users and groups of a process it is the real ones that count.
fn parse(status: &str) -> Option<Identity> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()
    };
    Some(Identity {
        uid: field("Uid:")?.parse().ok()?,
        gid: field("Gid:")?.parse().ok()?,
        capabilities: u64::from_str_radix(field("CapPrm:")?, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        let status = "Name:\tpython3\nUid:\t700\t700\t700\t700\nGid:\t701\t701\t701\t701\nGroups:\t700\nCapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:\t0000000000000000\n";
        assert_eq!(parse(status), Some(Identity { uid: 700, gid: 701, capabilities: 0xa804_25fb }));
        assert_eq!(parse("Uid:\tnobody"), None);
    }

    #[test]
    fn the_profiler_sees_itself() {
        assert!(parties().is_ok());
    }
}
