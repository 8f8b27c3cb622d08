//! What the profiler, which runs beside a process of the system under test, tells the operator: JSON, an object a line.

use serde::{Deserialize, Serialize};

/// One line of the profiler's output. They come in this order: `Began`, then `Stack` for each stack, `Ended`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProfilerLine {
    /// Who looks at whom.
    Began(Parties),
    /// A stack, and how often it was seen.
    Stack(Stack),
    /// How it ended. Without this line the output is not whole.
    Ended(Ending),
}

/// Who looks at whom: whether the kernel lets one process look into another depends on these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parties {
    /// The first process of the target; none when it cannot be seen.
    pub target: Option<Identity>,
    /// The profiler itself.
    pub profiler: Identity,
    /// The kernel's further restriction (`kernel.yama.ptrace_scope`), where it has it: from 1 on, only a process's
    /// parents may look into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yama_scope: Option<u8>,
}

/// As whom a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The capabilities that it has or may take, as the kernel's bit mask.
    pub capabilities: u64,
}

/// What keeps a process from looking into another, as far as both can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The target runs as another user or group, this one.
    OtherUser(Identity),
    /// The target holds capabilities that the profiler lacks.
    MoreCapabilities,
    /// The kernel lets only a process's parents look into it.
    Yama,
}

impl Parties {
    /// What keeps the profiler from looking into the target, where anything does.
    pub fn obstacle(&self) -> Option<Obstacle> {
        const SYS_PTRACE: u64 = 1 << 19;
        let target = self.target?;
        if self.profiler.capabilities & SYS_PTRACE != 0 {
            return None;
        }
        if (target.uid, target.gid) != (self.profiler.uid, self.profiler.gid) {
            Some(Obstacle::OtherUser(target))
        } else if target.capabilities & !self.profiler.capabilities != 0 {
            Some(Obstacle::MoreCapabilities)
        } else {
            self.yama_scope.filter(|scope| *scope > 0).map(|_| Obstacle::Yama)
        }
    }
}

/// A stack, and how often it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stack {
    /// Its frames from the outermost to the innermost, joined by semicolons: `process 7;main (app.py:3);f (app.py:9)`.
    pub frames: String,
    /// How often it was seen.
    pub samples: u64,
}

/// How profiling ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// py-spy's exit code; none when it was not started, since another user's processes are closed to it, or was ended
    /// by a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How many samples were taken, also those of stacks that are left out.
    pub samples: u64,
    /// How often a stack could not be read.
    pub errors: u64,
    /// Stacks that are left out, the rarest ones, since there were too many.
    pub left_out_stacks: u64,
    /// How many of the samples those have.
    pub left_out_samples: u64,
    /// What py-spy said that it does not always say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parties(target: (u32, u32, u64), profiler: (u32, u32, u64), yama_scope: Option<u8>) -> Parties {
        let identity = |(uid, gid, capabilities)| Identity { uid, gid, capabilities };
        Parties { target: Some(identity(target)), profiler: identity(profiler), yama_scope }
    }

    #[test]
    fn what_keeps_a_process_from_looking_into_another_is_told() {
        let pulp = Identity { uid: 700, gid: 700, capabilities: 0 };
        for (target, profiler, yama_scope, expected) in [
            ((700, 700, 0), (700, 700, 0), None, None),
            ((700, 700, 0), (700, 700, 0), Some(0), None),
            ((700, 700, 0), (65532, 700, 0), None, Some(Obstacle::OtherUser(pulp))),
            ((700, 700, 0), (700, 0, 0), None, Some(Obstacle::OtherUser(pulp))),
            ((0, 0, 0xa804_25fb), (0, 0, 0), None, Some(Obstacle::MoreCapabilities)),
            ((700, 700, 0), (700, 700, 0), Some(1), Some(Obstacle::Yama)),
            ((700, 700, 0xa804_25fb), (0, 0, 1 << 19), Some(1), None),
        ] {
            assert_eq!(parties(target, profiler, yama_scope).obstacle(), expected, "{target:?} {profiler:?}");
        }
    }

    #[test]
    fn a_line_says_what_it_is() {
        let line = ProfilerLine::Stack(Stack { frames: "main (a.py:1)".to_owned(), samples: 3 });
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(text, r#"{"stack":{"frames":"main (a.py:1)","samples":3}}"#);
        assert_eq!(serde_json::from_str::<ProfilerLine>(&text).unwrap(), line);
    }
}
