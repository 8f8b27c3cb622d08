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
//! | `session` | the operator's part of it |
//! | `collector`, `persist` | calls to the operator, and how they are repeated |
//! | `token` | the token that they carry |
//! | `start` | the instant of the start, from answers (pure) |
//! | `load` | what a load is to do, and what it did |
//! | `users` | the closed loop |
//! | `ledger` | what is known of its requests (pure) |
//! | `budget`, `streak` | when no further request is sent (pure) |
//! | `dispatch` | one request and what came of it |
//! | `cpu` | how much of its processor time the generator used |
//! | `beside` | the load is made by a container beside this one: what passes between both |

pub mod beside;
pub mod budget;
pub mod collector;
pub mod cpu;
pub mod dispatch;
pub mod ending;
pub mod ledger;
pub mod load;
pub mod logs;
pub mod persist;
pub mod run;
pub mod session;
pub mod settings;
pub mod start;
pub mod streak;
pub mod termination;
pub mod token;
pub mod users;
