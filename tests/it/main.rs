//! The integration tests, in one binary: one module an area.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "tests read the environment, write files and speak"
)]

mod fault_server;
mod harness;
mod workload;

mod deadlines;
mod emulated;
mod faults;
mod layers;
mod reach;
mod wire;
