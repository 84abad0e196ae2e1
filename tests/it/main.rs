//! The integration tests, in one binary: one module an area.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests read the environment, write files, speak and fail by panicking"
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
