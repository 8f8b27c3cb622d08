//! The load generator of a throughput test.
//!
//! One process carries out one [`Assignment`](throughput_model::workload::Assignment): it gets ready, tells
//! the operator so, waits for the common start, sends requests in a closed loop, and delivers what it
//! measured. [`run`] is that story; between the start and the delivery it needs nobody.
//!
//! | file | what it has |
//! | --- | --- |
//! | `settings` | the command line, and what is made of it once |
//! | `run` | the story |
//! | `ending` | how the story ends |
//! | `session` | what is said to the operator, and what it answers |
//! | `pulp` | the load of requests to Pulp: the closed loop and its books |
//! | `sidecar` | the load of a script in Pulp's own container, beside which this program runs |
//! | `cpu` | how much of its processor time the generator used |

pub mod cpu;
mod durations;
pub mod ending;
mod exact_sleep;
pub mod logs;
pub mod pulp;
pub mod run;
pub mod session;
pub mod settings;
pub mod sidecar;
pub mod termination;
pub mod token;
mod whole_file;
