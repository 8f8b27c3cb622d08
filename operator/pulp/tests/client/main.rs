//! The client against small real servers on loopback.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise, in their helpers too")]

mod foreign;
mod header;
mod hostile;
mod scrambled;
mod server;
mod session;
mod tasks;
mod test_view;
mod tls;
