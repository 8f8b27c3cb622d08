//! The load generator of a throughput test.
//!
//! One process carries out one [`Assignment`](throughput_model::workload::Assignment): it gets ready, tells
//! its coordinator so, waits for the common start, sends requests in a closed loop, and delivers the result.
//! [`run`] is that story; between the start and the delivery it needs nobody. The coordinator is the operator,
//! or for a run without a cluster the program itself.
//!
//! | file | what it has |
//! | --- | --- |
//! | `settings` | the command line, and the settings that are made of it once |
//! | `run` | the story |
//! | `ending` | its ending, and the exit code |
//! | `session` | the coordinator: the operator by HTTP, or none |
//! | `pulp` | the load of requests to Pulp: the closed loop and its books |
//! | `sidecar` | the load of a script in Pulp's own container, beside which this program runs |
//! | `cpu` | the processor time that the generator used |

pub mod cpu;
mod durations;
pub mod ending;
mod exact_sleep;
#[cfg(feature = "example-kind")]
mod holding;
pub mod logs;
pub mod pulp;
pub mod run;
pub mod session;
pub mod settings;
pub mod sidecar;
pub mod termination;
pub mod token;
mod whole_file;
